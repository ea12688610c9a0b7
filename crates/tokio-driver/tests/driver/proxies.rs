//! Proxies on the way to a server: each a small one of the test's own.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use adieu_tokio::{Connect, ConnectError, NetStream, Proxy, ProxyError, WebSocket, accept};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::peers::{any, config, echo, listen, read_head, soon};

/// A server that echoes.
async fn echoing() -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { echo(accept(stream, any()).await.expect("a request")).await });
        }
    });
    address
}

/// A proxy that does `talk` with its first client.
async fn proxy<F: Future<Output = ()> + Send + 'static>(
    talk: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let (listener, address) = listen().await;
    let talking = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        talk(stream).await;
    });
    (address, talking)
}

/// Says this, once it was asked, and waits until the client leaves.
async fn http(answer: &'static [u8]) -> SocketAddr {
    let talk = move |mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        stream.write_all(answer).await.expect("taken");
        let _left = stream.read(&mut [0]).await;
    };
    proxy(talk).await.0
}

/// Carries bytes to and fro, to a port of this machine whatever the name of the other was.
pub(crate) async fn carry(mut stream: TcpStream, port: u16) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.expect("a server");
    let _ended = copy_bidirectional(&mut stream, &mut server).await;
}

/// Connects to a name that only a proxy can resolve.
async fn through(proxy: &str, port: u16) -> Result<WebSocket<NetStream>, ConnectError> {
    let connect = Connect::new(&format!("ws://server.invalid:{port}/")).expect("a good URL");
    soon(connect.proxy(Proxy::new(proxy).expect("a good proxy")).open()).await
}

async fn talks(mut client: WebSocket<NetStream>) {
    client.send("through").await.expect("sent");
    assert_eq!(soon(client.recv()).await.expect("an echo").as_text(), Some("through"));
    assert!(soon(client.close(1000, "")).await.expect("closed").clean);
}

async fn fails(proxy: &str) -> ProxyError {
    match through(proxy, 80).await.expect_err("no tunnel") {
        ConnectError::Proxy(error) => error,
        other => panic!("{other:?}"),
    }
}

// R4.1-10
#[tokio::test]
async fn an_http_proxy_is_passed_through() {
    let server = echoing().await;
    let (address, talking) = proxy(move |mut stream| async move {
        let head = read_head(&mut stream).await;
        let port = server.port();
        assert!(head.starts_with(&format!("CONNECT server.invalid:{port} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"), "{head}");
        // In pieces, as the network may cut it.
        for byte in b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n" {
            stream.write_all(&[*byte]).await.expect("taken");
            tokio::task::yield_now().await;
        }
        carry(stream, port).await;
    })
    .await;
    let client = through(&format!("http://user:pass%3Aword@{address}"), server.port()).await.expect("opened");
    talks(client).await;
    soon(talking).await.expect("no panic");
}

#[tokio::test]
async fn what_follows_the_answer_of_an_http_proxy_is_the_servers() {
    let (address, _talking) = proxy(|mut stream| async move {
        read_head(&mut stream).await;
        let both = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(both).await.expect("taken");
        read_head(&mut stream).await;
    })
    .await;
    let error = through(&format!("http://{address}"), 80).await.expect_err("refused by the server");
    assert!(matches!(error, ConnectError::Handshake(_)) && error.to_string().contains("418"), "{error}");
}

#[tokio::test]
async fn an_http_proxy_that_wants_a_password_says_so() {
    let wants = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let (address, other) = (http(wants).await, http(wants).await);
    assert!(matches!(fails(&format!("http://{address}")).await, ProxyError::CredentialsWanted));
    assert!(matches!(fails(&format!("http://me:wrong@{other}")).await, ProxyError::CredentialsRefused));
}

#[tokio::test]
async fn an_http_proxy_that_refuses_is_told_with_its_status() {
    let address = http(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let error = fails(&format!("http://{address}")).await;
    assert!(matches!(error, ProxyError::Status(403)) && error.to_string().contains("403"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_too_long_or_cut_is_told_apart() {
    let address = http(b"220 mail.example ESMTP\r\n\r\n").await;
    assert!(matches!(fails(&format!("http://{address}")).await, ProxyError::Malformed));
    let (address, _talking) = proxy(|mut stream| async move {
        read_head(&mut stream).await;
        let _left = stream.write_all(&[b'x'; 16 << 10]).await;
        let _left = stream.read(&mut [0]).await;
    })
    .await;
    assert!(matches!(fails(&format!("http://{address}")).await, ProxyError::TooLong));
    let (address, _talking) = proxy(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.expect("taken");
    })
    .await;
    let cut = fails(&format!("http://{address}")).await;
    assert!(matches!(&cut, ProxyError::Io(error) if error.kind() == ErrorKind::UnexpectedEof), "{cut:?}");
}

#[tokio::test]
async fn a_proxy_that_stalls_is_given_up_within_the_deadline() {
    for scheme in ["http", "socks5h"] {
        let (_listener, address) = listen().await;
        let short = config(|config| config.handshake_timeout = Duration::from_millis(300));
        let connect = Connect::new("ws://server.invalid/").expect("a good URL").config(short);
        let stalls = Proxy::new(&format!("{scheme}://{address}")).expect("a good proxy");
        let error = soon(connect.proxy(stalls).open()).await.expect_err("silence");
        assert!(matches!(error, ConnectError::Proxy(ProxyError::Timeout)), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_as_such() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = fails(&format!("http://{address}")).await;
    let ProxyError::Reach(reach) = &error else { panic!("{error:?}") };
    assert!(matches!(&**reach, ConnectError::Unreachable(tried) if tried[0].0 == address), "{error}");
}

/// A proxy of SOCKS5, as far as it is needed: it wants this user and password, if any.
async fn socks(credentials: Option<(&'static [u8], &'static [u8])>) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(serve_socks(listener, credentials));
    address
}

async fn serve_socks(listener: TcpListener, credentials: Option<(&'static [u8], &'static [u8])>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let methods = block(&mut stream, 1).await;
            let method = if credentials.is_some() { 2 } else { 0 };
            if !methods.contains(&method) {
                return stream.write_all(&[5, 0xFF]).await.expect("taken");
            }
            stream.write_all(&[5, method]).await.expect("taken");
            if let Some((user, password)) = credentials {
                let right = block(&mut stream, 1).await == user && block(&mut stream, 0).await == password;
                stream.write_all(&[1, u8::from(!right)]).await.expect("taken");
            }
            let mut asked = [0; 3];
            stream.read_exact(&mut asked).await.expect("a request");
            let port = match stream.read_u8().await.expect("a kind") {
                1 => {
                    assert_eq!(stream.read_u32().await.expect("an address"), 0x7F00_0001);
                    stream.read_u16().await.expect("a port")
                }
                3 => {
                    assert_eq!(block(&mut stream, 0).await, b"server.invalid");
                    stream.read_u16().await.expect("a port")
                }
                kind => panic!("address of kind {kind}"),
            };
            if port == 9 {
                return stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("taken");
            }
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.expect("taken");
            carry(stream, port).await;
        });
    }
}

/// Skips some bytes, then reads a block that begins with its length.
async fn block(stream: &mut TcpStream, skip: usize) -> Vec<u8> {
    stream.read_exact(&mut vec![0; skip]).await.expect("a version");
    let mut block = vec![0; usize::from(stream.read_u8().await.expect("a length"))];
    stream.read_exact(&mut block).await.expect("a block");
    block
}

#[tokio::test]
async fn a_socks5_proxy_is_passed_through_with_and_without_a_password() {
    let server = echoing().await;
    let (open, closed) = (socks(None).await, socks(Some((b"me", b"secret"))).await);
    for proxy in [format!("socks5h://{open}"), format!("socks5h://me:secret@{closed}")] {
        talks(through(&proxy, server.port()).await.expect("opened")).await;
    }
    // Names are resolved here, and the proxy is asked for an address.
    let connect = Connect::new(&format!("ws://{server}/")).expect("a good URL");
    let proxy = Proxy::new(&format!("socks5://{open}")).expect("a good proxy");
    talks(soon(connect.proxy(proxy).open()).await.expect("opened")).await;
}

#[tokio::test]
async fn a_socks5_proxy_that_wants_a_password_or_refuses_says_so() {
    let address = socks(Some((b"me", b"secret"))).await;
    assert!(matches!(fails(&format!("socks5h://{address}")).await, ProxyError::CredentialsWanted));
    assert!(matches!(fails(&format!("socks5h://me:wrong@{address}")).await, ProxyError::CredentialsRefused));
    let open = socks(None).await;
    let error = through(&format!("socks5h://{open}"), 9).await.expect_err("refused");
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Reply(5))), "{error:?}");
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn credentials_are_never_shown() {
    let (listener, address) = listen().await;
    drop(listener);
    let proxy = Proxy::new(&format!("http://user:secret@{address}")).expect("a good proxy");
    let connect = Connect::new("ws://server.invalid/").expect("a good URL").proxy(proxy.clone());
    let error = soon(connect.clone().open()).await.expect_err("nobody");
    for shown in [format!("{proxy:?} {proxy}"), format!("{connect:?}"), format!("{error:?} {error}")] {
        assert!(!shown.contains("secret") && !shown.contains("user:"), "{shown}");
    }
}
