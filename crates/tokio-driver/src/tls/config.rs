//! The usual configurations, made from what people have: the platform's trust, and files in PEM.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use super::stream::ALPN;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn client() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

/// A client's configuration that trusts what the platform does: the certificates that its administrators have installed, and on
/// Linux those that the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
///
/// It is made once, at the first call that succeeds, and shared: so sessions are resumed.
///
/// # Errors
///
/// rustls's, if the platform's verifier cannot be had.
pub fn platform() -> Result<Arc<ClientConfig>, rustls::Error> {
    static SHARED: Mutex<Option<Arc<ClientConfig>>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = &*shared {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(client()?.with_platform_verifier()?.with_no_client_auth());
    *shared = Some(Arc::clone(&config));
    Ok(config)
}

/// A client's configuration that trusts the certificates of `pem` and no others: authorities, or a server's own.
///
/// # Errors
///
/// [`PemError`].
pub fn trusting(pem: &[u8]) -> Result<Arc<ClientConfig>, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(PemError::Unusable)?;
    }
    let config = client().map_err(PemError::Unusable)?.with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// A server's configuration: its certificate, with those between it and the authority behind it, and the private key (PKCS #8, PKCS #1 or
/// SEC 1). Clients need no certificate.
///
/// # Errors
///
/// [`PemError`].
pub fn server_config(chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, PemError> {
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| PemError::NoKey)?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(PemError::Unusable)?.with_no_client_auth();
    let config = builder.with_single_cert(certificates(chain_pem)?, key).map_err(PemError::Unusable)?;
    Ok(for_connections(&Arc::new(config)))
}

/// The same, offering by ALPN what can be spoken here.
pub(crate) fn for_connections(config: &Arc<ServerConfig>) -> Arc<ServerConfig> {
    if config.alpn_protocols == [ALPN] {
        return Arc::clone(config);
    }
    let mut config = ServerConfig::clone(config);
    config.alpn_protocols = vec![ALPN.to_vec()];
    Arc::new(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(PemError::NoCertificate),
    }
}

/// Why a file in PEM is of no use.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PemError {
    /// There is no certificate in it, or one that is cut or garbled.
    NoCertificate,
    /// There is no private key in it.
    NoKey,
    /// It cannot be used, or the key is not that of the certificate.
    Unusable(rustls::Error),
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate in PEM"),
            Self::NoKey => f.write_str("no private key in PEM"),
            Self::Unusable(error) => error.fmt(f),
        }
    }
}

impl Error for PemError {}
