//! Which address is tried when (RFC 8305).

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::reach::{ATTEMPT_DELAY, MAX_ATTEMPTS, interleave, race};

const HOUR: Duration = Duration::from_secs(3600);

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

fn later() -> Instant {
    Instant::now() + HOUR
}

fn refused() -> io::Error {
    ErrorKind::ConnectionRefused.into()
}

#[test]
fn families_take_turns_beginning_with_the_systems_first_choice() {
    let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
    let order = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
    assert_eq!(interleave(found), order);
    let found = addresses(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]);
    assert_eq!(interleave(found), addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]));
    assert_eq!(interleave([]), []);
}

#[test]
fn a_name_with_very_many_addresses_is_tried_at_some_of_them() {
    let many = (0..1000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(interleave(many.clone()).len(), MAX_ATTEMPTS);
    // The other family has its turn however late the system names it.
    let late = addresses(&["[::1]:1"]);
    assert_eq!(interleave(many.chain(late.clone()))[1], late[0]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_delays_the_next_by_the_attempt_delay() {
    let (begun, tried) = (Instant::now(), RefCell::new(Vec::new()));
    let connected = race(&addresses(&["[::1]:1", "1.1.1.1:1"]), ATTEMPT_DELAY, later(), |address| {
        tried.borrow_mut().push((address.is_ipv6(), begun.elapsed()));
        async move { if address.is_ipv6() { pending().await } else { Ok(address) } }
    })
    .await;
    assert!(connected.expect("connected").is_ipv4());
    let tried = tried.into_inner();
    assert_eq!(tried[0], (true, Duration::ZERO));
    let took = tried[1].1;
    assert!(took >= ATTEMPT_DELAY && took < ATTEMPT_DELAY + Duration::from_millis(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_fails_makes_way_for_the_next_at_once() {
    let begun = Instant::now();
    race(&addresses(&["[::1]:1", "1.1.1.1:1"]), HOUR, later(), |address| async move {
        if address.is_ipv6() { Err(refused()) } else { Ok(()) }
    })
    .await
    .expect("connected");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

/// Counts the attempts that have come to an end, or were dropped.
struct Leaves<'c>(&'c Cell<usize>);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_that_answers_wins_and_the_others_are_dropped() {
    let left = Cell::new(0);
    let connected =
        race(&addresses(&["1.1.1.1:1", "2.2.2.2:2", "3.3.3.3:3"]), ATTEMPT_DELAY, later(), |to| {
            let leaves = Leaves(&left);
            async move {
                let _leaves = leaves;
                // The first answers after the second has been begun, and before the third is.
                tokio::time::sleep(if to.port() == 1 { ATTEMPT_DELAY * 3 / 2 } else { HOUR }).await;
                Ok(to.port())
            }
        })
        .await;
    assert_eq!((connected.expect("connected"), left.get()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_became_of_each_address_is_told() {
    let three = addresses(&["1.1.1.1:1", "2.2.2.2:2", "3.3.3.3:3"]);
    let connected = race(&three, HOUR, later(), |to| async move {
        if to.port() == 2 { pending().await } else { Err::<(), _>(refused()) }
    });
    let failed = connected.await.expect_err("none");
    let told: Vec<_> = failed.iter().map(|(to, error)| (to.port(), error.kind())).collect();
    assert_eq!(told, [(1, ErrorKind::ConnectionRefused), (2, ErrorKind::TimedOut)], "the third had no turn");
    let nowhere = race(&[], HOUR, later(), |_| async { Ok(()) }).await;
    assert!(nowhere.expect_err("no address").is_empty());
}

/// A listener that nobody gets an answer from, and those who wait in its queue.
fn full_backlog(address: SocketAddr) -> Option<(SocketAddr, Vec<Socket>)> {
    let socket = |address| Socket::new(Domain::for_address(address), Type::STREAM, None);
    let listener = socket(address).ok()?;
    listener.bind(&address.into()).ok()?;
    listener.listen(0).expect("it listens");
    let full = listener.local_addr().expect("its address").as_socket().expect("an address of IP");
    let mut held = vec![listener];
    loop {
        let waiting = socket(full).expect("a socket");
        waiting.set_nonblocking(true).expect("it does not block");
        let _under_way = waiting.connect(&full.into());
        let answered = waiting.peer_addr().is_ok();
        held.push(waiting);
        if !answered {
            return Some((full, held));
        }
    }
}

#[tokio::test]
async fn an_ipv6_address_with_a_full_backlog_does_not_keep_from_connecting() {
    let Some((full, _held)) = full_backlog("[::1]:0".parse().expect("an address")) else {
        // A machine without IPv6.
        assert!(std::net::TcpListener::bind("[::1]:0").is_err());
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let addresses = [full, listener.local_addr().expect("its address")];
    let stream = race(&addresses, ATTEMPT_DELAY, later(), TcpStream::connect).await.expect("connected");
    assert!(stream.peer_addr().expect("connected").is_ipv4());
    // By itself it never answers.
    let soon = Instant::now() + Duration::from_millis(50);
    let alone = race(&addresses[..1], ATTEMPT_DELAY, soon, TcpStream::connect).await.expect_err("silence");
    assert_eq!((alone[0].0, alone[0].1.kind()), (full, ErrorKind::TimedOut));
}

#[tokio::test]
async fn s7_a_race_can_be_dropped_at_every_poll() {
    let (full, _held) = full_backlog("127.0.0.1:0".parse().expect("an address")).expect("a loopback port");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let addresses = [full, listener.local_addr().expect("its address")];
    let (mut begun_most, mut polls) = (0, 0);
    for at in 1.. {
        let (begun, left, mut pending) = (Cell::new(0), Cell::new(0), 0);
        let mut racing = Box::pin(race(&addresses, Duration::from_millis(1), later(), |to| {
            begun.set(begun.get() + 1);
            let leaves = Leaves(&left);
            async move {
                let _leaves = leaves;
                TcpStream::connect(to).await
            }
        }));
        let raced = poll_fn(|cx| match racing.as_mut().poll(cx) {
            Poll::Ready(connected) => Poll::Ready(Some(connected)),
            Poll::Pending => {
                pending += 1;
                if pending == at { Poll::Ready(None) } else { Poll::Pending }
            }
        })
        .await;
        drop(racing);
        assert_eq!(left.get(), begun.get(), "at {at}: none is under way any more");
        (begun_most, polls) = (begun_most.max(begun.get()), pending);
        if let Some(connected) = raced {
            let stream = connected.expect("connected");
            assert_eq!(stream.peer_addr().expect("connected"), addresses[1]);
            break;
        }
    }
    assert!(begun_most == 2 && polls >= 2, "{begun_most} attempts, {polls} polls");
}
