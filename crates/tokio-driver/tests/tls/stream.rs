//! `TlsStream` by itself.

use std::io::{self, ErrorKind};
use std::mem::size_of;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use adieu_tokio::Transport;
use adieu_tokio::tls::TlsStream;
use adieu_tokio::tls::rustls::version::{TLS12, TLS13};
use adieu_tokio::tls::rustls::{ClientConfig, Connection, SupportedProtocolVersion};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::net::TcpStream;

use crate::certificates::Authority;
use crate::peers::{soon, wait_for_bytes};
use crate::{ends_with, shaken, system};

/// What a record of TLS 1.3 adds to its payload.
const RECORD_LEN: usize = 22;

#[tokio::test]
async fn a_look_gives_what_is_decrypted_first_and_then_what_the_system_holds() {
    let (mut near, mut far) = shaken().await;
    let system = system(&near);
    far.write_all(&[7; 100]).await.expect("taken");
    wait_for_bytes(&system, 100 + RECORD_LEN);
    let mut into = [0; 200];
    assert_eq!(near.look(&mut into[..10]).expect("it can look").expect("bytes"), 10);
    far.write_all(&[8; 50]).await.expect("taken");
    wait_for_bytes(&system, 50 + RECORD_LEN);
    assert_eq!(near.look(&mut into).expect("it can look").expect("bytes"), 140);
    assert_eq!((&into[..90], &into[90..140]), (&[7; 90][..], &[8; 50][..]));
    let nothing = near.look(&mut into).expect("it can look").expect_err("nothing is there");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn c8_an_end_with_close_notify_is_an_end_and_one_without_is_unexpected() {
    for orderly in [true, false] {
        let (mut near, mut far) = shaken().await;
        far.write_all(b"before").await.expect("taken");
        if orderly {
            far.shutdown().await.expect("close_notify");
        } else {
            SockRef::from(far.get_ref()).shutdown(std::net::Shutdown::Write).expect("cut");
        }
        let mut into = Vec::new();
        let end = soon(near.read_to_end(&mut into)).await.map_err(|error| error.kind());
        assert_eq!(into, b"before");
        assert_eq!(end, if orderly { Ok(6) } else { Err(ErrorKind::UnexpectedEof) });
    }
}

#[tokio::test]
async fn one_direction_can_end_before_the_other() {
    let (mut near, mut far) = shaken().await;
    near.shutdown().await.expect("close_notify");
    assert_eq!(soon(far.read(&mut [0; 1])).await.expect("an end"), 0);
    far.write_all(b"still here").await.expect("taken");
    far.shutdown().await.expect("close_notify");
    let mut into = Vec::new();
    soon(near.read_to_end(&mut into)).await.expect("an end");
    assert_eq!(into, b"still here");
}

/// As many bytes as `len`, none like its neighbours.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 31 + at / 251) % 256).expect("a byte")).collect()
}

#[tokio::test]
async fn what_is_written_arrives_whatever_the_sizes_of_reads() {
    for version in [&TLS12, &TLS13] {
        for read_len in [1, 7, 1_000, 1_024, 5_000, 70_000] {
            let (mut near, mut far) = over_memory(version, 1 << 16);
            let sent = bytes(200_000);
            let expected = sent.clone();
            let writing = async {
                for piece in sent.chunks(33_333) {
                    far.write_all(piece).await.expect("taken");
                }
                far.shutdown().await.expect("close_notify");
            };
            let reading = async {
                let (mut received, mut into) = (Vec::new(), vec![0; read_len]);
                loop {
                    let len = near.read(&mut into).await.expect("bytes");
                    if len == 0 {
                        return received;
                    }
                    received.extend_from_slice(&into[..len]);
                }
            };
            let ((), received) = soon(async { tokio::join!(writing, reading) }).await;
            assert!(received == expected, "{} bytes, reads of {read_len}", received.len());
        }
    }
}

/// Both ends over a stream in memory that holds `len` bytes.
pub(crate) fn over_memory(
    version: &'static SupportedProtocolVersion,
    len: usize,
) -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>) {
    let authority = Authority::new();
    let (near, far) = duplex(len);
    let provider = Arc::clone(authority.trusted().crypto_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
    let builder = builder.expect("a version").with_root_certificates(authority.roots());
    let config = Arc::new(builder.with_no_client_auth());
    let client = TlsStream::client(near, config, "localhost".try_into().expect("a name"));
    (client.expect("a client"), TlsStream::server(far, authority.server()).expect("a server"))
}

/// A transport that counts how often it was read.
struct Counted(DuplexStream, usize);

impl Transport for Counted {}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1 += 1;
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_read_goes_on_until_there_is_no_more_room() {
    let authority = Authority::new();
    let (near, far) = duplex(4 << 20);
    let name = "localhost".try_into().expect("a name");
    let client = TlsStream::client(Counted(near, 0), authority.trusted(), name);
    let mut client = client.expect("a client");
    let mut server = TlsStream::server(far, authority.server()).expect("a server");
    let (shaken, served) = soon(async { tokio::join!(client.handshake(), server.handshake()) }).await;
    shaken.and(served).expect("TLS");
    server.write_all(&vec![7; 1 << 20]).await.expect("taken");
    server.flush().await.expect("flushed");
    let before = client.get_ref().1;
    let (mut received, mut reads, mut into) = (0, 0, vec![0; 64 << 10]);
    while received < 1 << 20 {
        received += client.read(&mut into).await.expect("bytes");
        reads += 1;
    }
    assert_eq!(reads, 16, "each is full");
    // rustls takes at least 4 KiB at a time.
    let pulls = client.get_ref().1 - before;
    assert!(pulls <= 17 * reads, "{pulls} reads of the transport");
}

#[tokio::test]
async fn a_transport_may_take_one_byte_at_a_time() {
    for version in [&TLS12, &TLS13] {
        let (mut near, mut far) = over_memory(version, 1);
        let talk = async {
            let asking = async {
                near.write_all(b"question").await?;
                near.flush().await
            };
            tokio::join!(asking, async {
                let mut into = [0; 8];
                far.read_exact(&mut into).await.expect("bytes");
                assert_eq!(&into, b"question");
            })
        };
        soon(talk).await.0.expect("taken");
        assert_eq!(near.tls().protocol_version(), Some(version.version));
    }
}

#[tokio::test]
async fn what_was_written_before_the_handshake_arrives_behind_it() {
    let (mut near, mut far) = over_memory(&TLS13, 1 << 16);
    near.write_all(b"early").await.expect("taken");
    let (flushed, received) = soon(async {
        tokio::join!(near.flush(), async {
            let mut into = [0; 5];
            far.read_exact(&mut into).await.map(|_| into)
        })
    })
    .await;
    flushed.expect("TLS");
    assert_eq!(&received.expect("bytes"), b"early");
}

#[tokio::test]
async fn more_than_rustls_keeps_can_be_written_before_the_handshake() {
    let (mut near, mut far) = over_memory(&TLS13, 1 << 10);
    let sent = bytes(300_000);
    let writing = async {
        near.write_all(&sent).await?;
        near.write_all(&[]).await?;
        near.shutdown().await
    };
    let (written, received) = soon(async {
        tokio::join!(writing, async {
            let mut received = Vec::new();
            far.read_to_end(&mut received).await.map(|_| received)
        })
    })
    .await;
    written.expect("taken");
    assert!(received.expect("bytes") == sent);
}

#[tokio::test]
async fn what_came_before_a_broken_record_is_given_first() {
    let (mut near, mut far) = shaken().await;
    far.write_all(b"before").await.expect("taken");
    // An alert that nobody encrypted.
    SockRef::from(far.get_ref()).send(&[21, 3, 3, 0, 2, 2, 40]).expect("taken");
    let mut into = Vec::new();
    let error = soon(near.read_to_end(&mut into)).await.expect_err("broken");
    assert_eq!((&*into, error.kind()), (&b"before"[..], ErrorKind::InvalidData));
    let told = soon(far.read(&mut [0; 1])).await.expect_err("an alert");
    assert_eq!(told.kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn only_http_1_1_is_offered_whatever_the_configuration_says() {
    let authority = Authority::new();
    let mut client = ClientConfig::clone(&authority.trusted());
    client.alpn_protocols = vec![b"h2".to_vec()];
    let (mut client, mut server) = ends_with(Arc::new(client), authority.server()).await;
    let (near, far) = soon(async { tokio::join!(client.handshake(), server.handshake()) }).await;
    near.and(far).expect("TLS");
    for end in [client.tls(), server.tls()] {
        assert_eq!(end.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[test]
fn a_stream_holds_next_to_nothing_beside_rustls() {
    let below = size_of::<TcpStream>() + size_of::<Connection>();
    assert!(size_of::<TlsStream<TcpStream>>() <= below + 16);
}
