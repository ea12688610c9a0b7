//! What went wrong in a TLS handshake, in words for those who have to mend it.

use std::fmt::{self, Display, Formatter};
use std::io;

use rustls::CertificateError::{
    Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    UnknownIssuer, UnsupportedSignatureAlgorithmForPublicKeyContext,
};
use rustls::Error;

/// Writes what went wrong.
pub(crate) fn explain(error: &io::Error, f: &mut Formatter<'_>) -> fmt::Result {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = inner else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => f.write_str("the server ended the stream"),
            io::ErrorKind::TimedOut => f.write_str("no answer in time"),
            _ => error.fmt(f),
        };
    };
    match inner {
        // The second: somebody else has the same name.
        Error::InvalidCertificate(
            UnknownIssuer | UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => f.write_str("the server's certificate is from an authority that is not trusted here"),
        Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            f.write_str("the server's certificate has expired")
        }
        Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            f.write_str("the server's certificate is not valid yet")
        }
        Error::InvalidCertificate(NotValidForName) => {
            f.write_str("the server's certificate is for another name")
        }
        Error::InvalidCertificate(NotValidForNameContext { expected, presented }) => {
            // rustls gives `DnsName("other.example")`.
            let names = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name));
            let names = names.collect::<Vec<_>>().join(", ");
            write!(f, "the server's certificate is for another name: {names}, and not {}", expected.to_str())
        }
        Error::InvalidMessage(_) => f.write_str("the server does not speak TLS"),
        other => other.fmt(f),
    }
}
