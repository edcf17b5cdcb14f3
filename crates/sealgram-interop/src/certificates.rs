//! Certificates for one run, in a directory that goes with it.
//!
//! Chains of ECDSA on P-256 are made by rcgen. The others are made by the openssl program, as are the traditional
//! encodings of private keys: neither rcgen nor ring makes those of RSA, nor keys that every peer reads of Ed25519.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use sealgram::pki_types::pem::PemObject;
use sealgram::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, SubjectPublicKeyInfoDer};

use crate::case::{Chain, KeyForm, KeyKind};
use crate::configuration::{PSK_IDENTITY, psk_in_hexadecimal};
use crate::{Outcome, expect};

/// A directory with authorities, certificates for `localhost` and 127.0.0.1, and their keys, all in PEM.
#[derive(Debug)]
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes them all.
    pub fn make() -> Outcome<Self> {
        let directory = std::env::temp_dir().join(format!("sealgram-interop-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let certificates = Self { directory };
        fs::write(certificates.path("openssl.cnf"), OPENSSL_CONFIG)?;
        fs::write(certificates.path("openssl-no-ems.cnf"), OPENSSL_CONFIG_WITHOUT_EXTENDED_MASTER_SECRET)?;
        certificates.make_ecdsa()?;
        certificates.make_rsa()?;
        for arguments in OTHERS {
            certificates.openssl(arguments)?;
        }
        fs::write(certificates.psk_file(), format!("{PSK_IDENTITY}:{}\n", psk_in_hexadecimal()))?;
        fs::write(certificates.other_psk_file(), format!("{PSK_IDENTITY}:000102030405060708090a0b0c0d0e0f\n"))?;
        certificates.make_clients()?;
        certificates.make_public_keys()?;
        certificates.make_ocsp_responses()?;
        for kind in [KeyKind::Ecdsa, KeyKind::Rsa] {
            let mut chain = fs::read(certificates.certificate_file(kind, Chain::Intermediate))?;
            chain.extend(fs::read(certificates.intermediate_file(kind))?);
            fs::write(certificates.chain_file(kind, Chain::Intermediate), chain)?;
        }
        Ok(certificates)
    }

    /// A configuration for the openssl program in place of the machine's.
    #[must_use]
    pub fn openssl_config(&self) -> PathBuf {
        self.path("openssl.cnf")
    }

    /// The same, for peers that are not to know the extended master secret: no option of theirs says so.
    #[must_use]
    pub fn openssl_config_without_extended_master_secret(&self) -> PathBuf {
        self.path("openssl-no-ems.cnf")
    }

    /// Where they are, for what else is to go with the run.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The root that a client trusts.
    #[must_use]
    pub fn root_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-root.pem", name(kind)))
    }

    /// The server's own certificate.
    #[must_use]
    pub fn certificate_file(&self, kind: KeyKind, chain: Chain) -> PathBuf {
        self.path(&match chain {
            Chain::Direct => format!("{}-direct.pem", name(kind)),
            Chain::Intermediate => format!("{}-deep.pem", name(kind)),
        })
    }

    /// All that the server shows, in one file.
    #[must_use]
    pub fn chain_file(&self, kind: KeyKind, chain: Chain) -> PathBuf {
        match chain {
            Chain::Direct => self.certificate_file(kind, chain),
            Chain::Intermediate => self.path(&format!("{}-chain.pem", name(kind))),
        }
    }

    /// The authority between the root and the server's certificate.
    #[must_use]
    pub fn intermediate_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-intermediate.pem", name(kind)))
    }

    /// The key of the server's certificate, whichever chain it stands in.
    #[must_use]
    pub fn key_file(&self, kind: KeyKind, form: KeyForm) -> PathBuf {
        self.path(&match form {
            KeyForm::Pkcs8 => format!("{}.key", name(kind)),
            KeyForm::Traditional => format!("{}-traditional.key", name(kind)),
        })
    }

    /// The root that a client trusts, as our client takes it.
    pub fn root(&self, kind: KeyKind) -> Outcome<CertificateDer<'static>> {
        Ok(CertificateDer::from_pem_file(self.root_file(kind))?)
    }

    /// What a server shows, as our server takes it.
    pub fn chain(&self, kind: KeyKind, chain: Chain) -> Outcome<Vec<CertificateDer<'static>>> {
        let end_entity = CertificateDer::from_pem_file(self.certificate_file(kind, chain))?;
        Ok(match chain {
            Chain::Direct => vec![end_entity],
            Chain::Intermediate => vec![end_entity, CertificateDer::from_pem_file(self.intermediate_file(kind))?],
        })
    }

    /// The key of the server's certificate, in the form asked for and in no other.
    pub fn key(&self, kind: KeyKind, form: KeyForm) -> Outcome<PrivateKeyDer<'static>> {
        let key = PrivateKeyDer::from_pem_file(self.key_file(kind, form))?;
        let has_form = match (form, kind) {
            (KeyForm::Pkcs8, _) => matches!(key, PrivateKeyDer::Pkcs8(_)),
            (KeyForm::Traditional, KeyKind::Ecdsa | KeyKind::EcdsaP384) => matches!(key, PrivateKeyDer::Sec1(_)),
            (KeyForm::Traditional, KeyKind::Rsa | KeyKind::Rsa4096) => matches!(key, PrivateKeyDer::Pkcs1(_)),
            (KeyForm::Traditional, KeyKind::Ed25519) => false,
        };
        expect(has_form, format!("the {} key is not {form:?}", name(kind)))?;
        Ok(key)
    }

    /// The certificate of clients with a key of this kind, from the root of the kind.
    #[must_use]
    pub fn client_certificate_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-client.pem", name(kind)))
    }

    /// The key of that certificate, in PKCS#8.
    #[must_use]
    pub fn client_key_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-client.key", name(kind)))
    }

    /// The public key of the server, in PEM.
    #[must_use]
    pub fn public_key_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}.pub", name(kind)))
    }

    /// The public key of clients, in PEM.
    #[must_use]
    pub fn client_public_key_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-client.pub", name(kind)))
    }

    /// What the root says of the server's certificate, as an OCSP response in DER: there is one for ECDSA and for RSA.
    #[must_use]
    pub fn ocsp_response_file(&self, kind: KeyKind) -> PathBuf {
        self.path(&format!("{}-direct.ocsp", name(kind)))
    }

    /// A client's certificate that the ECDSA root has revoked, with the key of the others.
    #[must_use]
    pub fn revoked_certificate_file(&self) -> PathBuf {
        self.path("ecdsa-revoked.pem")
    }

    /// The preshared key behind the name of who has it, as GnuTLS reads it.
    #[must_use]
    pub fn psk_file(&self) -> PathBuf {
        self.path("psk.txt")
    }

    /// Another key behind that name.
    #[must_use]
    pub fn other_psk_file(&self) -> PathBuf {
        self.path("other-psk.txt")
    }

    /// The list that says so.
    #[must_use]
    pub fn revocation_list_file(&self) -> PathBuf {
        self.path("ecdsa-root.crl")
    }

    /// The list as our server takes it.
    pub fn revocation_list(&self) -> Outcome<CertificateRevocationListDer<'static>> {
        Ok(CertificateRevocationListDer::from_pem_file(self.revocation_list_file())?)
    }

    /// What our client shows.
    pub fn client_certificate(&self, kind: KeyKind) -> Outcome<CertificateDer<'static>> {
        Ok(CertificateDer::from_pem_file(self.client_certificate_file(kind))?)
    }

    /// What it proves it with.
    pub fn client_key(&self, kind: KeyKind) -> Outcome<PrivateKeyDer<'static>> {
        Ok(PrivateKeyDer::from_pem_file(self.client_key_file(kind))?)
    }

    /// The server's public key, as our client knows it.
    pub fn public_key(&self, kind: KeyKind) -> Outcome<SubjectPublicKeyInfoDer<'static>> {
        Ok(SubjectPublicKeyInfoDer::from_pem_file(self.public_key_file(kind))?)
    }

    /// The public key of clients, as our server knows it.
    pub fn client_public_key(&self, kind: KeyKind) -> Outcome<SubjectPublicKeyInfoDer<'static>> {
        Ok(SubjectPublicKeyInfoDer::from_pem_file(self.client_public_key_file(kind))?)
    }

    fn make_ecdsa(&self) -> Outcome {
        let kind = KeyKind::Ecdsa;
        let [root_key, intermediate_key, key, client_key] = [(); 4].map(|()| KeyPair::generate());
        let (root_key, intermediate_key, key, client_key) = (root_key?, intermediate_key?, key?, client_key?);

        let root = authority("sealgram interop ECDSA root");
        fs::write(self.root_file(kind), root.self_signed(&root_key)?.pem())?;
        fs::write(self.path("ecdsa-root.key"), root_key.serialize_pem())?;
        let root = Issuer::new(root, root_key);

        let intermediate = authority("sealgram interop ECDSA intermediate");
        fs::write(self.intermediate_file(kind), intermediate.signed_by(&intermediate_key, &root)?.pem())?;
        let intermediate = Issuer::new(intermediate, intermediate_key);

        let server = server()?;
        fs::write(self.certificate_file(kind, Chain::Direct), server.signed_by(&key, &root)?.pem())?;
        fs::write(self.certificate_file(kind, Chain::Intermediate), server.signed_by(&key, &intermediate)?.pem())?;
        fs::write(self.key_file(kind, KeyForm::Pkcs8), key.serialize_pem())?;

        fs::write(self.client_certificate_file(kind), client(CLIENT_SERIAL).signed_by(&client_key, &root)?.pem())?;
        fs::write(self.revoked_certificate_file(), client(REVOKED_SERIAL).signed_by(&client_key, &root)?.pem())?;
        fs::write(self.client_key_file(kind), client_key.serialize_pem())?;
        fs::write(self.revocation_list_file(), revocation_list().signed_by(&root)?.pem()?)?;
        self.openssl("ec -in ecdsa.key -out ecdsa-traditional.key").map(drop)
    }

    fn make_rsa(&self) -> Outcome {
        for arguments in RSA {
            self.openssl(arguments)?;
        }
        Ok(())
    }

    /// Those of the other kinds than ECDSA with P-256.
    fn make_clients(&self) -> Outcome {
        for (kind, new_key) in CLIENT_KEYS {
            let kind = name(kind);
            self.openssl(&format!(
                "req -x509 -newkey {new_key} -nodes -days 7 -subj /CN={kind}client -extensions client \
                 -CA {kind}-root.pem -CAkey {kind}-root.key -keyout {kind}-client.key -out {kind}-client.pem"
            ))?;
        }
        Ok(())
    }

    fn make_public_keys(&self) -> Outcome {
        for kind in [KeyKind::Ecdsa, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa] {
            for key in [name(kind).to_string(), format!("{}-client", name(kind))] {
                self.openssl(&format!("pkey -in {key}.key -pubout -out {key}.pub"))?;
            }
        }
        Ok(())
    }

    /// The root itself answers, and knows of nothing that it revoked.
    fn make_ocsp_responses(&self) -> Outcome {
        for kind in [KeyKind::Ecdsa, KeyKind::Rsa] {
            let kind = name(kind);
            let serial = self.openssl(&format!("x509 -in {kind}-direct.pem -noout -serial"))?;
            let serial = serial.trim().strip_prefix("serial=").ok_or("a certificate without a serial number")?;
            // One certificate a line, as `openssl ca` keeps them: valid, until when, revoked when, number, file, name.
            fs::write(self.path("index.txt"), format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN={kind}\n"))?;
            self.openssl(&format!(
                "ocsp -index index.txt -CA {kind}-root.pem -rsigner {kind}-root.pem -rkey {kind}-root.key \
                 -issuer {kind}-root.pem -cert {kind}-direct.pem -ndays 7 -respout {kind}-direct.ocsp -noverify"
            ))?;
        }
        Ok(())
    }

    /// What it prints.
    fn openssl(&self, arguments: &str) -> Outcome<String> {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&self.directory).env("OPENSSL_CONF", self.openssl_config());
        let output = command.output()?;
        expect(output.status.success(), format!("openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(String::from_utf8(output.stdout)?)
    }

    fn path(&self, file: &str) -> PathBuf {
        Path::join(&self.directory, file)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // What cannot be removed from the system's temporary directory, the system removes in its time.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn authority(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server() -> Outcome<CertificateParams> {
    let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])?;
    params.distinguished_name.push(DnType::CommonName, "sealgram interop server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client(serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "sealgram interop client");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

/// Of the numbers in use, one was taken back.
fn revocation_list() -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(4096, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED_SERIAL),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

const CLIENT_SERIAL: u64 = 0x1001;
const REVOKED_SERIAL: u64 = 0x1002;

const fn name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ecdsa => "ecdsa",
        KeyKind::EcdsaP384 => "p384",
        KeyKind::Ed25519 => "ed25519",
        KeyKind::Rsa4096 => "rsa4096",
        KeyKind::Rsa => "rsa",
    }
}

/// What [`Certificates::make_ecdsa`] does, for RSA, as arguments of the openssl program.
const RSA: [&str; 6] = [
    "req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=RSAroot -extensions authority -keyout rsa-root.key -out rsa-root.pem",
    "req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=RSAintermediate -extensions authority -CA rsa-root.pem -CAkey rsa-root.key -keyout rsa-intermediate.key -out rsa-intermediate.pem",
    "req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=RSAserver -extensions server -CA rsa-root.pem -CAkey rsa-root.key -keyout rsa.key -out rsa-direct.pem",
    "req -x509 -key rsa.key -days 7 -subj /CN=RSAserver -extensions server -CA rsa-intermediate.pem -CAkey rsa-intermediate.key -out rsa-deep.pem",
    "rsa -in rsa.key -traditional -out rsa-traditional.key",
    "verify -CAfile rsa-root.pem -untrusted rsa-intermediate.pem rsa-deep.pem",
];

/// The kinds of key that are tried in a chain of two: its root and the server's own.
const OTHERS: [&str; 6] = [
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 7 -subj /CN=p384root -extensions authority -keyout p384-root.key -out p384-root.pem",
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 7 -subj /CN=p384server -extensions server -CA p384-root.pem -CAkey p384-root.key -keyout p384.key -out p384-direct.pem",
    "req -x509 -newkey ed25519 -nodes -days 7 -subj /CN=ed25519root -extensions authority -keyout ed25519-root.key -out ed25519-root.pem",
    "req -x509 -newkey ed25519 -nodes -days 7 -subj /CN=ed25519server -extensions server -CA ed25519-root.pem -CAkey ed25519-root.key -keyout ed25519.key -out ed25519-direct.pem",
    "req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=rsa4096root -extensions authority -keyout rsa4096-root.key -out rsa4096-root.pem",
    "req -x509 -newkey rsa:4096 -nodes -days 7 -subj /CN=rsa4096server -extensions server -CA rsa4096-root.pem -CAkey rsa4096-root.key -keyout rsa4096.key -out rsa4096-direct.pem",
];

/// The kinds of key that clients have, in the words of `openssl req`.
const CLIENT_KEYS: [(KeyKind, &str); 3] = [
    (KeyKind::EcdsaP384, "ec -pkeyopt ec_paramgen_curve:P-384"),
    (KeyKind::Ed25519, "ed25519"),
    (KeyKind::Rsa, "rsa:2048"),
];

const OPENSSL_CONFIG: &str = "\
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
";

const OPENSSL_CONFIG_WITHOUT_EXTENDED_MASTER_SECRET: &str = "\
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
Options = -ExtendedMasterSecret
";
