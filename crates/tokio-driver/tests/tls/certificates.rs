//! Authorities and certificates, made for the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use adieu_tokio::tls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use adieu_tokio::tls::{server_config, trusting};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

static MADE: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("good parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Each has a name of its own: one that is known by name, and signs with another key, is another thing than an unknown one.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A server for `localhost`.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server_of(|_| {})
    }

    /// A server whose certificate is changed.
    pub(crate) fn server_of(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("good names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        server_config(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).expect("a configuration")
    }

    /// This authority as a root.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).expect("a root");
        roots
    }

    /// A client that trusts this authority, and no other.
    pub(crate) fn trusted(&self) -> Arc<ClientConfig> {
        trusting(self.certificate.pem().as_bytes()).expect("a configuration")
    }
}
