//! Certificates on the command line: what a server shows, and what a client trusts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adieu_tokio::tls::rustls::{ClientConfig, ServerConfig};
use adieu_tokio::tls::{self, PemError};

use crate::Failure;

/// What a server shows.
#[derive(Debug, clap::Args)]
pub(crate) struct Certificate {
    /// Serve wss:// and https:// with this certificate, in PEM, those between it and its authority behind it
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "self_signed")]
    cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Serve wss:// and https:// with a certificate made for this run, and write it to FILE
    ///
    /// For trying: nobody trusts it but those who are told to, as by adieu connect --ca FILE. It is for localhost and for the host of ADDR.
    #[arg(long, value_name = "FILE")]
    self_signed: Option<PathBuf>,
}

/// What the server shows, if it shows anything. `address` is where it listens.
pub(crate) fn server(arguments: &Certificate, address: &str) -> Result<Option<Arc<ServerConfig>>, Failure> {
    if let Some(path) = &arguments.self_signed {
        return self_signed(path, address).map(Some);
    }
    let (Some(cert), Some(key)) = (&arguments.cert, &arguments.key) else {
        return Ok(None);
    };
    let config = tls::server_config(&read(cert)?, &read(key)?).map_err(|error| match error {
        PemError::NoKey => unusable(key, &error),
        _ => unusable(cert, &error),
    });
    config.map(Some)
}

/// A client's trust in the certificates of a file, and in no others.
pub(crate) fn trusting(path: &Path) -> Result<Arc<ClientConfig>, Failure> {
    tls::trusting(&read(path)?).map_err(|error| unusable(path, &error))
}

fn self_signed(path: &Path, address: &str) -> Result<Arc<ServerConfig>, Failure> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !host.is_empty() && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let made = rcgen::generate_simple_self_signed(names);
    let made = made.map_err(|error| Failure::new(format!("cannot make a certificate: {error}")))?;
    let pem = made.cert.pem();
    fs::write(path, &pem).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let config = tls::server_config(pem.as_bytes(), made.signing_key.serialize_pem().as_bytes());
    config.map_err(|error| Failure::new(format!("cannot use the certificate that was made: {error}")))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn unusable(path: &Path, error: &PemError) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
