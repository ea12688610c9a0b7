//! The proxy that the environment names, as curl reads it.

use std::net::IpAddr;

use super::{Proxy, ProxyError};

/// The proxy for a server, if there is one; `variable` looks a variable up.
///
/// `ws_proxy` or `http_proxy` is for `ws://`, `wss_proxy` or `https_proxy` for `wss://`, `all_proxy` for both, each also in capitals, but for
/// `HTTP_PROXY`: in a CGI program a client sets that, with a header field called `Proxy`. `no_proxy` names those that are reached without.
pub(crate) fn from_environment(
    secure: bool,
    host: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ProxyError> {
    let names: &[&str] = if secure {
        &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let value = |name: &&str| variable(name).filter(|value| !value.trim().is_empty());
    let Some(url) = names.iter().find_map(value) else {
        return Ok(None);
    };
    let exceptions = ["no_proxy", "NO_PROXY"].iter().find_map(value).unwrap_or_default();
    if is_loopback(host) || is_excepted(host, &exceptions) {
        return Ok(None);
    }
    Proxy::new(url.trim()).map(Some)
}

/// This machine is reached without a proxy, for which it would be another one.
fn is_loopback(host: &str) -> bool {
    let is_local = |ip: IpAddr| ip.to_canonical().is_loopback();
    host.trim_end_matches('.').eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_local)
}

/// A list of names (with all names under them), addresses and networks (`10.0.0.0/8`), between commas or spaces; `*` is everything.
fn is_excepted(host: &str, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_matches('.').to_ascii_lowercase();
        match ip {
            _ if entry == "*" => true,
            Some(ip) => is_in(ip, entry.trim_matches(['[', ']'])),
            None => host == entry || host.strip_suffix(&entry).is_some_and(|name| name.ends_with('.')),
        }
    })
}

/// The address is this one, or in this network.
fn is_in(ip: IpAddr, network: &str) -> bool {
    let (base, len) = network.split_once('/').map_or((network, None), |(base, len)| (base, Some(len)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let bits = |ip| match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    let Ok(len) = len.map_or(Ok(whole), str::parse) else { return false };
    let differing = (bits(ip) ^ bits(base)).leading_zeros();
    ip.is_ipv4() == base.is_ipv4() && len <= whole && (differing >= len || bits(ip) == bits(base))
}
