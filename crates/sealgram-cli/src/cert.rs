//! `sealgram cert`: a private key and a self-signed certificate as PEM files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sealgram::x509;

use crate::args::Cert;
use crate::failure::{Failure, Reason, Result};
use crate::identity::{LOCAL_NAMES, SelfSigned};
use crate::output;

/// Makes the two files. Neither replaces one that is there: a key that is overwritten is lost.
pub(crate) fn run(arguments: &Cert) -> Result<()> {
    let (cert_path, key_path) = paths(arguments)?;
    for path in [&cert_path, &key_path] {
        if path.exists() {
            return Err(exists(path));
        }
    }
    let names = match arguments.name.as_slice() {
        [] => LOCAL_NAMES.map(str::to_owned).to_vec(),
        names => names.to_vec(),
    };
    let made = SelfSigned::generate(&names, arguments.days)?;
    create(&key_path, &made.key_pem(), Readers::Owner)?;
    create(&cert_path, &made.certificate_pem, Readers::Everyone)?;

    let summary = x509::summary(&made.certificate).map_err(|error| Failure::because(error.to_string()))?;
    output::line(format_args!("certificate:  {}", cert_path.display()))?;
    output::line(format_args!("private key:  {}", key_path.display()))?;
    output::line(format_args!("{summary:#}"))
}

fn paths(arguments: &Cert) -> Result<(PathBuf, PathBuf)> {
    match (&arguments.out, &arguments.cert, &arguments.key) {
        (Some(dir), _, _) => {
            fs::create_dir_all(dir).map_err(|error| {
                Failure::because(format!("cannot make the directory {}: {}", dir.display(), Reason(&error)))
            })?;
            Ok((dir.join("cert.pem"), dir.join("key.pem")))
        }
        (None, Some(cert), Some(key)) => Ok((cert.clone(), key.clone())),
        _ => Err(Failure::because("say where to write: --out DIR, or --cert FILE and --key FILE")),
    }
}

/// Who may read a file.
#[derive(Clone, Copy)]
enum Readers {
    Everyone,
    Owner,
}

fn create(path: &Path, text: &str, readers: Readers) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if matches!(readers, Readers::Owner) {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::because(format!("cannot write {}: {}", path.display(), Reason(&error))),
    })
}

fn exists(path: &Path) -> Failure {
    Failure::because(format!("{} is there already, and is not overwritten", path.display()))
}
