# Copies of the sources that are broken and mended again, one for each worker, whose build folders stay in the cache: what
# is tried then costs the seconds of one incremental build, and of tests. Source this file from bash, after
# scripts/cache.sh and in the root of the repository.

WORKERS=${MUTANTS_WORKERS:-2}
# All tests together take a tenth of this: what is not done by then turns in a circle, which is noticed as well.
SECONDS_AT_MOST=${SECONDS_AT_MOST:-300}
# Takes longer than all others together, and is left for what they do not notice.
SLOWEST=a_million_spoofed_hellos

export CARGO_INCREMENTAL=1 CARGO_PROFILE_TEST_OPT_LEVEL=0 CARGO_PROFILE_TEST_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0
export RUST_BACKTRACE=0
unset CARGO_TARGET_DIR
scratch=$(cache_folder mutants)

# A copy of the sources as they are now, with new times, for cargo judges by them.
copy_sources() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null |
    tar --create --files-from=- | tar --extract --touch --directory="$1"
}

# Runs tests up to the first failure, which it prints. The exit code is 0 if all passed.
tests() {
  local log=$PWD/../tests.log failed
  failed=$(
    exec 3< <(exec timeout "$SECONDS_AT_MOST" cargo test --quiet --offline "$@" -- --format=pretty "${FILTER[@]}" 2>"$log")
    sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p;T;q' <&3
    # The others may turn in a circle: they are not waited for.
    kill $! 2>/dev/null
    wait $! || echo "exit code $?"
  )
  case $failed in
    '') return 0 ;;
    # That of timeout.
    'exit code 124') echo "no end within $SECONDS_AT_MOST s" ;;
    'exit code '*) echo "an abort" ;;
    *) head -n 1 <<<"$failed" ;;
  esac
  return 1
}

build() { cargo test --quiet --offline --no-run "$@" >../build.log 2>&1; }

# Makes the copy of worker $1, and checks that its tests pass as long as nothing is broken.
prepare() {
  local folder=$scratch/$1
  copy_sources "$folder/tree"
  # What the workers depend on is the same, and built once.
  if [ "$1" != 1 ] && [ ! -d "$folder/target" ]; then
    cp -r "$scratch/1/target" "$folder/target.part"
    mv "$folder/target.part" "$folder/target"
  fi
  (
    cd "$folder/tree"
    export CARGO_TARGET_DIR=$folder/target GIT_CEILING_DIRECTORIES=$folder
    build -p sealgram --lib || { cat ../build.log; exit 1; }
    FILTER=(--skip "$SLOWEST")
    tests -p sealgram --lib
  )
}

# Tries one patch in the copy that is the current folder; one line of result. `notices` names the test that notices.
try() {
  local patch=$1 began=$SECONDS name noticed verdict
  name=$(basename "$patch" .patch)
  if ! git apply "$patch" 2>../apply.log; then
    verdict="does not apply: $(head -n 1 ../apply.log)"
  elif ! build -p sealgram --lib; then
    verdict="does not build: $(grep -m 1 '^error' ../build.log)"
  elif noticed=$(notices); then
    verdict="killed by $noticed"
  else
    verdict="SURVIVED"
  fi
  git apply --reverse "$patch" 2>/dev/null || true
  printf '%4d s  %s: %s\n' $((SECONDS - began)) "$name" "$verdict"
}

# Worker $1 tries every WORKERS-th of the patches that follow.
work() {
  local folder=$scratch/$1 at
  export CARGO_TARGET_DIR=$folder/target GIT_CEILING_DIRECTORIES=$folder
  cd "$folder/tree"
  for ((at = $1 + 1; at <= $#; at += WORKERS)); do try "${!at}"; done
}

# Tries all patches that are given, and prints what came of each.
try_all() {
  local worker
  for ((worker = 1; worker <= WORKERS; worker++)); do work $worker "$@" & done
  wait
}

# Makes the copies of all workers.
prepare_all() {
  local worker
  cargo fetch --locked --quiet
  for ((worker = 1; worker <= WORKERS; worker++)); do
    prepare $worker || { echo "the tests fail as it is: what is broken cannot be told from what is not" >&2; return 1; }
  done
  echo "prepared in $SECONDS s"
}
