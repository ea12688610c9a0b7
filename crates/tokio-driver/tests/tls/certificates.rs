//! Authorities and certificates, made for the run.

use std::sync::Arc;

use adieu_tokio::tls::rustls::{ClientConfig, ServerConfig};
use adieu_tokio::tls::{server_config, trusting};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("good parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
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

    /// A client that trusts this authority, and no other.
    pub(crate) fn trusted(&self) -> Arc<ClientConfig> {
        trusting(self.certificate.pem().as_bytes()).expect("a configuration")
    }
}
