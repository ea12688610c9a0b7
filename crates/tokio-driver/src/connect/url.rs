//! A `ws://` or `wss://` URL taken apart (RFC 6455 §3).

use http::Uri;
use http::uri::Authority;

/// Where a URL leads.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// `wss://`.
    pub(super) secure: bool,
    /// Host and port as the `Host` header has them.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

/// Takes a URL apart, or tells what is wrong with it.
// R4.1-02
pub(super) fn parse(url: &str) -> Result<Place, &'static str> {
    // R3-01
    if url.contains('#') {
        return Err("it has a fragment");
    }
    let uri: Uri = url.parse().map_err(|_| "it is malformed")?;
    let secure = match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
        Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
        Some(_) | None => return Err("it does not begin with ws:// or wss://"),
    };
    if secure && cfg!(not(feature = "tls")) {
        return Err("wss:// needs the feature `tls` of adieu-tokio");
    }
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("it has user information");
    }
    let host = authority.host();
    let default = if secure { 443 } else { 80 };
    let port = port(authority, default)?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Place {
        host: host.trim_matches(['[', ']']).to_string(),
        port,
        secure,
        // R4.1-23
        authority: if port == default { host.to_string() } else { format!("{host}:{port}") },
        // R4.1-22
        target: format!("{}{query}", uri.path()),
    })
}

/// The port that an authority without user information names, or else the default.
pub(crate) fn port(authority: &Authority, default: u16) -> Result<u16, &'static str> {
    let behind = &authority.as_str()[authority.host().len()..];
    if matches!(behind, "" | ":") {
        return Ok(default);
    }
    // What Rust reads as a number may begin with a plus.
    let digits = behind.strip_prefix(':').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let port = digits.and_then(|digits| digits.parse().ok()).filter(|port| *port > 0);
    port.ok_or("its port is not 1 to 65535")
}
