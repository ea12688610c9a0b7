//! `wss://` in `connect`: whom it trusts, and what it says when it does not.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use adieu_tokio::tls::rustls;
use adieu_tokio::tls::{PemError, TlsStream, server_config, trusting};
use adieu_tokio::{Accept, Connect, ConnectError, Incoming, accept, connect, serve_tls};
use rcgen::{CertificateParams, date_time_ymd};
use rustls::CertificateError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::certificates::Authority;
use crate::peers::{any, config, echo, listen, soon};
use crate::{Tls, open};

/// A server with a certificate of this authority: its port.
async fn serving(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> u16 {
    let (listener, address) = listen().await;
    let handler = |incoming: Incoming<Tls>| async move {
        if let Ok(socket) = incoming.accept(Accept::new()).await {
            echo(socket).await;
        }
    };
    tokio::spawn(serve_tls(listener, &authority.server_of(change), any(), handler).into_future());
    address.port()
}

// R4.1-14, R4.1-16, R4.1-17, R4.2.2-02, R10.6-01
#[tokio::test]
async fn everything_goes_through_tls_with_the_servers_name_in_it() {
    let (listener, address) = listen().await;
    let authority = Authority::new();
    let tls = authority.server();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = TlsStream::server(stream, tls).expect("a good configuration");
        stream.handshake().await.expect("TLS");
        let rustls::Connection::Server(server) = stream.tls() else { panic!("a server") };
        assert_eq!(server.server_name(), Some("localhost"));
        echo(accept(stream, any()).await.expect("a request")).await
    });
    let mut client = open(&authority, &format!("wss://localhost:{}/", address.port())).await;
    for len in [0, 1, 125, 126, 1 << 16, 1 << 20] {
        client.send(vec![b'x'; len]).await.expect("sent");
        assert_eq!(soon(client.recv()).await.expect("an echo").len(), len);
    }
    assert!(client.peer_addr().expect("connected").ip().is_loopback());
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
    assert!(soon(serving).await.expect("no panic").clean);
}

#[tokio::test]
async fn an_address_can_be_in_a_certificate_too() {
    let authority = Authority::new();
    let port = serving(&authority, |_| {}).await;
    let client = open(&authority, &format!("wss://127.0.0.1:{port}/")).await;
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
}

/// What is wrong with the server.
async fn refused(authority: &Authority, port: u16) -> (rustls::Error, String) {
    let connect = Connect::new(&format!("wss://localhost:{port}/")).expect("a good URL");
    let error = soon(connect.tls(authority.trusted()).open()).await.expect_err("not trusted");
    let words = error.to_string();
    let ConnectError::Tls(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let inner = error.into_inner().expect("an error inside").downcast::<rustls::Error>();
    (*inner.expect("rustls's"), words)
}

// R4.1-15
#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let others = ["other.example".to_owned()];
    let port = serving(&authority, |params| {
        *params = CertificateParams::new(others).expect("a good name");
    })
    .await;
    let (error, words) = refused(&authority, port).await;
    assert!(matches!(
        error,
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })
    ));
    assert!(words.contains("is for another name") && words.contains("other.example"), "{words}");
    assert!(words.ends_with("and not localhost"), "{words}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let authority = Authority::new();
    let port = serving(&authority, |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    let (error, words) = refused(&authority, port).await;
    assert!(matches!(error, rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. })));
    assert!(words.ends_with("the server's certificate has expired"), "{words}");
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_refused() {
    let authority = Authority::new();
    let port = serving(&authority, |params| params.not_before = date_time_ymd(4000, 1, 1)).await;
    let (_, words) = refused(&authority, port).await;
    assert!(words.ends_with("the server's certificate is not valid yet"), "{words}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let port = serving(&Authority::new(), |_| {}).await;
    let (error, words) = refused(&Authority::new(), port).await;
    assert_eq!(error, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
    assert!(words.ends_with("from an authority that is not trusted here"), "{words}");
}

#[tokio::test]
async fn the_platform_does_not_trust_an_authority_that_was_made_for_a_test() {
    let port = serving(&Authority::new(), |_| {}).await;
    let error = soon(connect(&format!("wss://localhost:{port}/"))).await.expect_err("not trusted");
    assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_refused() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("taken");
        let mut rest = Vec::new();
        let _told = stream.read_to_end(&mut rest).await;
    });
    let authority = Authority::new();
    let connect = Connect::new(&format!("wss://{address}/")).expect("a good URL").tls(authority.trusted());
    let error = soon(connect.open()).await.expect_err("no TLS");
    assert_eq!(error.to_string(), "the TLS handshake failed: the server does not speak TLS");
}

#[tokio::test]
async fn a_server_that_ends_or_is_silent_in_the_handshake_is_told_apart() {
    let authority = Authority::new();
    let (listener, address) = listen().await;
    let short = config(|config| config.handshake_timeout = Duration::from_millis(200));
    let connect = Connect::new(&format!("wss://{address}/")).expect("a good URL").tls(authority.trusted());
    let error = soon(connect.clone().config(short).open()).await.expect_err("silence");
    assert!(matches!(&error, ConnectError::Tls(tls) if tls.kind() == ErrorKind::TimedOut), "{error:?}");
    let ending = async {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            // Closing with unread input would be a reset.
            let mut stream = stream;
            stream.shutdown().await.expect("an end");
            let mut rest = Vec::new();
            let _gone = stream.read_to_end(&mut rest).await;
        }
    };
    let error = tokio::select! {
        error = soon(connect.open()) => error.expect_err("an end"),
        () = ending => unreachable!(),
    };
    assert!(matches!(&error, ConnectError::Tls(tls) if tls.kind() == ErrorKind::UnexpectedEof), "{error:?}");
}

#[test]
fn files_that_are_of_no_use_say_why() {
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    assert_eq!(trusting(b"").expect_err("empty"), PemError::NoCertificate);
    assert_eq!(trusting(key.as_bytes()).expect_err("a key"), PemError::NoCertificate);
    let pem = made.cert.pem();
    assert_eq!(server_config(pem.as_bytes(), b"").expect_err("no key"), PemError::NoKey);
    let mixed = server_config(pem.as_bytes(), key.as_bytes()).expect_err("another key");
    assert!(matches!(mixed, PemError::Unusable(_)), "{mixed}");
    let good = server_config(pem.as_bytes(), made.signing_key.serialize_pem().as_bytes());
    assert_eq!(Arc::clone(&good.expect("a configuration")).alpn_protocols, [b"http/1.1"]);
}
