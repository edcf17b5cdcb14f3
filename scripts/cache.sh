# Tools that are fetched and built for the tests live in a cache folder outside the repository. A folder in it is either
# complete, which a marker written last says, or it is made anew. Source this file from bash.

# Prints the folder of the thing $1 in the cache.
cache_folder() {
  printf '%s/%s\n' "${SEALGRAM_CACHE:-$HOME/.cache/sealgram}" "$1"
}

# Makes the folder $1 of the cache with the command that follows, unless it is complete. The command gets the empty folder
# as its last argument, and is a script of its own: in a function whose result is tested `set -e` does nothing. A change
# of the recipe needs another name, or nobody rebuilds.
in_cache() {
  local name=$1 folder began=$SECONDS
  shift
  folder=$(cache_folder "$name")
  if [ -e "$folder/complete" ]; then
    echo "$name: present in the cache"
    return 0
  fi
  echo "$name: missing in the cache, making it"
  rm -rf "$folder"
  mkdir -p "$folder" || return 1
  "$@" "$folder" || { echo "$name: could not be made" >&2; return 1; }
  date -u +%FT%TZ >"$folder/complete"
  echo "$name: made in $((SECONDS - began)) s"
}

# Package indexes and mirrors fail now and then.
with_retries() {
  local attempt
  for attempt in 1 2 3; do
    if "$@"; then return 0; fi
    echo "attempt $attempt failed: $*" >&2
    sleep $((attempt * 5))
  done
  return 1
}

# Whether there is a program of this name, or something at this path from the root.
is_there() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Installs the Debian packages that follow unless $1 is there: a program, or a path from the root.
need() {
  local wanted=$1
  shift
  if is_there "$wanted"; then
    echo "$wanted: present"
    return
  fi
  echo "$wanted: missing, installing $*"
  export DEBIAN_FRONTEND=noninteractive
  with_retries apt-get update -qq
  with_retries apt-get install -y -qq --no-install-recommends "$@"
  is_there "$wanted"
}

# Runs apt-get with the packages and sources of Debian's trixie suite by a configuration of its own under the folder $1,
# which is derived from the machine's: that one stays as it is. The first call reads the indexes.
trixie_apt() {
  local apt=$1/apt options
  shift
  options=(
    -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/parts" -o "Dir::State::Lists=$apt/lists"
    -o Acquire::Check-Valid-Until=false
  )
  if [ ! -d "$apt/parts" ]; then
    mkdir -p "$apt/parts" "$apt/lists/partial"
    sed -e 's/^Types:.*/Types: deb deb-src/' -e 's/^Suites:.*/Suites: trixie/' /etc/apt/sources.list.d/debian.sources |
      awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == 1' >"$apt/parts/trixie.sources"
    with_retries apt-get "${options[@]}" update -qq || return 1
  fi
  with_retries apt-get "${options[@]}" "$@"
}
