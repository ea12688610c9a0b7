//! Which proxy, and what is said to it.

use super::socks::{Socks, Step, Target};
use super::{Proxy, ProxyError, from_environment, http};

fn proxy(url: &str) -> Proxy {
    Proxy::new(url).expect(url)
}

#[test]
fn a_proxy_is_a_url_perhaps_with_user_and_password() {
    let cases = [
        ("http://proxy.example", "http://proxy.example:80", true),
        ("proxy.example:3128", "http://proxy.example:3128", true),
        ("HTTP://user:secret@proxy.example:8080/", "http://proxy.example:8080", true),
        ("socks5://[::1]", "socks5://[::1]:1080", false),
        ("socks5h://u%40x:p%3Aw@127.0.0.1:9050", "socks5h://127.0.0.1:9050", true),
    ];
    for (url, shown, resolves) in cases {
        let proxy = proxy(url);
        assert_eq!((proxy.to_string().as_str(), proxy.resolves()), (shown, resolves));
        assert_eq!(format!("{proxy:?}"), format!("Proxy({shown})"));
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_with_the_reason() {
    let long = format!("http://{}@x", "u".repeat(256));
    let cases = [
        ("https://proxy.example", "by TLS"),
        ("socks4://proxy.example", "scheme"),
        ("ftp://proxy.example", "scheme"),
        ("http://", "malformed"),
        ("http://:80", "host"),
        ("http://proxy.example:0", "port"),
        ("http://proxy.example:65536", "port"),
        ("http://proxy.example:+80", "port"),
        ("http://two words", "malformed"),
        ("http://%zz@proxy.example", "percent-encoded"),
        ("http://%FF@proxy.example", "percent-encoded"),
        ("http://a%3Ab:c@proxy.example", "colon"),
        (&long, "255 bytes"),
    ];
    for (url, reason) in cases {
        let error = Proxy::new(url).expect_err(url);
        assert!(error.to_string().contains(reason), "{url}: {error}");
    }
}

/// The proxy that these variables name for a server.
fn named(secure: bool, host: &str, variables: &[(&str, &str)]) -> Option<String> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    from_environment(secure, host, variable).expect("good variables").map(|proxy| proxy.to_string())
}

#[test]
fn the_environment_is_read_as_curl_does() {
    let all: &[(&str, &str)] = &[
        ("ws_proxy", "a"),
        ("WS_PROXY", "b"),
        ("http_proxy", "c"),
        ("HTTP_PROXY", "cgi"),
        ("all_proxy", "d"),
        ("ALL_PROXY", "e"),
        ("wss_proxy", "f"),
        ("WSS_PROXY", "g"),
        ("https_proxy", "h"),
        ("HTTPS_PROXY", "i"),
    ];
    let order = |secure, mut variables: Vec<(&str, &str)>| {
        let mut names = Vec::new();
        while let Some(found) = named(secure, "x.example", &variables) {
            let name = found.trim_start_matches("http://").trim_end_matches(":80").to_owned();
            variables.retain(|(_, value)| *value != name);
            names.push(name);
        }
        names.concat()
    };
    assert_eq!(order(false, all.to_vec()), "abcde", "HTTP_PROXY is what a client of a CGI program says");
    assert_eq!(order(true, all.to_vec()), "fghide");
    assert_eq!(
        named(false, "x.example", &[("ws_proxy", " "), ("http_proxy", "p")]).as_deref(),
        Some("http://p:80")
    );
    let bad =
        from_environment(false, "x.example", |name| (name == "http_proxy").then(|| "ftp://x".to_owned()));
    assert!(matches!(bad, Err(ProxyError::Url(_))));
}

#[test]
fn no_proxy_names_those_that_are_reached_without() {
    let is_direct =
        |host: &str, list: &str| named(false, host, &[("http_proxy", "p"), ("no_proxy", list)]).is_none();
    let direct = [
        ("x.example", "x.example"),
        ("X.EXAMPLE.", "other, x.example"),
        ("a.x.example", "x.example"),
        ("a.x.example", ".x.example"),
        ("x.example", ".x.example"),
        ("x.example", "*"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "192.168.0.0/16,10.0.0.0/8"),
        ("10.1.2.3", "0.0.0.0/0"),
        ("fd00::1", "[fd00::1]"),
        ("fd00::1", "fd00::/8"),
        ("localhost", ""),
        ("LocalHost.", ""),
        ("::ffff:127.0.0.1", ""),
        ("127.0.0.2", ""),
        ("::1", ""),
    ];
    for (host, list) in direct {
        assert!(is_direct(host, list), "{host}, {list:?}");
    }
    let through = [
        ("x.example", ""),
        ("ax.example", "x.example"),
        ("x.example", "a.x.example"),
        ("10.1.2.3", "10.1.2.4"),
        ("10.1.2.3", "11.0.0.0/8"),
        ("10.1.2.3", "10.0.0.0/33"),
        ("10.1.2.3", "::/0"),
        ("10.1.2.3", "2.3"),
        ("fd00::1", "fe00::/8"),
    ];
    for (host, list) in through {
        assert!(!is_direct(host, list), "{host}, {list:?}");
    }
    assert_eq!(named(false, "x.example", &[("http_proxy", "p"), ("NO_PROXY", "x.example")]), None);
}

#[test]
fn connect_names_the_server_and_the_user() {
    let plain = http::request(&Target::new("x.example", 80), None);
    assert_eq!(plain, b"CONNECT x.example:80 HTTP/1.1\r\nHost: x.example:80\r\n\r\n");
    let known = proxy("http://Aladdin:open%20sesame@p");
    let known = http::request(&Target::new("::1", 443), known.credentials.as_ref());
    let expected = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\
        Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    assert_eq!(String::from_utf8(known).expect("ASCII"), expected);
}

#[test]
fn a_heads_end_is_found_wherever_reads_cut_it() {
    let head = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nmore\r\n\r\n";
    for known in 0..25 {
        assert_eq!(http::end(head, known), Some(25), "{known}");
    }
    assert_eq!(http::end(&head[..24], 0), None);
}

#[test]
fn an_answer_of_http_is_judged_by_its_status() {
    let judge = |line: &str, known| http::judge(format!("{line}\r\n\r\n").as_bytes(), known);
    assert!(judge("HTTP/1.1 200 Connection established", false).is_ok());
    assert!(judge("HTTP/1.0 204", false).is_ok());
    assert!(matches!(judge("HTTP/1.1 407 Who?", false), Err(ProxyError::CredentialsWanted)));
    assert!(matches!(judge("HTTP/1.1 407 Who?", true), Err(ProxyError::CredentialsRefused)));
    assert!(matches!(judge("HTTP/1.1 403 No", true), Err(ProxyError::Status(403))));
    for line in ["", "HTTP/1.1 20", "HTTP/1.1 +20", "HTTP/2 200 OK..", "SSH-2.0-x y z z", "HTTP/1.1 2000"] {
        assert!(matches!(judge(line, false), Err(ProxyError::Malformed)), "{line}");
    }
}

/// Feeds answers one after the other; the last step, or what was wrong.
fn talk(target: &Target<'_>, url: &str, answers: &[&[u8]]) -> Result<(Vec<Vec<u8>>, Step), ProxyError> {
    let (mut socks, mut step) = Socks::begin(target, proxy(url).credentials.as_ref())?;
    let mut said = Vec::new();
    for answer in answers {
        let len = match step {
            Step::Send(bytes, len) => {
                said.push(bytes);
                len
            }
            Step::Receive(len) => len,
            Step::Done => panic!("it is done"),
        };
        assert_eq!(answer.len(), len);
        step = socks.handle(answer)?;
    }
    Ok((said, step))
}

const BARE: &str = "socks5h://p";
const KNOWN: &str = "socks5h://me:secret@p";

#[test]
fn socks5_opens_a_tunnel_by_name_or_by_address() {
    let by_name = Target::new("x.example", 80);
    let ipv4: &[&[u8]] = &[&[5, 0], &[5, 0, 0, 1], &[0; 6]];
    let (said, step) = talk(&by_name, BARE, ipv4).expect("a tunnel");
    assert_eq!(said, [&[5, 1, 0][..], &[&[5, 1, 0, 3, 9][..], b"x.example", &[0, 80]].concat()]);
    assert_eq!(step, Step::Done);
    let ipv6: &[&[u8]] = &[&[5, 0], &[5, 0, 0, 4], &[0; 18]];
    let (said, step) = talk(&Target::new("10.1.2.3", 258), BARE, ipv6).expect("a tunnel");
    assert_eq!((&*said[1], step), (&[5, 1, 0, 1, 10, 1, 2, 3, 1, 2][..], Step::Done));
    let name: &[&[u8]] = &[&[5, 0], &[5, 0, 0, 3], &[2], b"me\0\0"];
    let (said, step) = talk(&Target::new("::1", 1), BARE, name).expect("a tunnel");
    assert_eq!((said[1][3], said[1].len(), step), (4, 22, Step::Done));
}

#[test]
fn socks5_tells_user_and_password_to_who_asks() {
    let target = Target::new("x.example", 80);
    let asked: &[&[u8]] = &[&[5, 2], &[1, 0], &[5, 0, 0, 1], &[0; 6]];
    let (said, step) = talk(&target, KNOWN, asked).expect("a tunnel");
    assert_eq!((&*said[0], &*said[1]), (&[5, 2, 0, 2][..], &b"\x01\x02me\x06secret"[..]));
    assert_eq!(step, Step::Done);
    let unasked: &[&[u8]] = &[&[5, 0], &[5, 0, 0, 1], &[0; 6]];
    assert_eq!(talk(&target, KNOWN, unasked).expect("a tunnel").1, Step::Done);
}

#[test]
fn each_refusal_of_socks5_is_told_apart() {
    let target = Target::new("x.example", 80);
    let failed = |url, answers: &[&[u8]]| talk(&target, url, answers).expect_err("refused");
    assert!(matches!(failed(BARE, &[&[5, 0xFF]]), ProxyError::CredentialsWanted));
    assert!(matches!(failed(KNOWN, &[&[5, 0xFF]]), ProxyError::CredentialsRefused));
    assert!(matches!(failed(KNOWN, &[&[5, 2], &[1, 1]]), ProxyError::CredentialsRefused));
    for reply in 1..=255 {
        let error = failed(BARE, &[&[5, 0], &[5, reply, 0, 1]]);
        assert!(matches!(error, ProxyError::Reply(told) if told == reply), "{error}");
    }
    let malformed: [&[&[u8]]; 6] =
        [&[&[4, 0]], &[&[5, 1]], &[&[5, 2]], &[&[5, 0], &[4, 0, 0, 1]], &[&[5, 0], &[5, 0, 0, 2]], &[b"HT"]];
    for answers in malformed {
        assert!(matches!(failed(BARE, answers), ProxyError::Malformed), "{answers:?}");
    }
    assert!(matches!(failed(KNOWN, &[&[5, 2], &[5, 0]]), ProxyError::Malformed));
    let long = "x".repeat(256);
    assert!(matches!(Socks::begin(&Target::new(&long, 80), None), Err(ProxyError::NameTooLong)));
}
