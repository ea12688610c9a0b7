//! The lines of `adieu serve --log`, written by a thread of their own: no connection waits for whoever reads them.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// So many lines wait to be written; what does not fit is dropped, and counted.
const WAITING_LINES: usize = 1024;

/// Takes lines, and never waits.
#[derive(Debug)]
pub(crate) struct Log {
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// How many were dropped since the line before.
    dropped: u64,
}

/// The thread that writes. It ends behind the last line, once the [`Log`] is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    end: Receiver<Infallible>,
}

/// A log on stderr.
pub(crate) fn start() -> (Log, Writer) {
    to(io::stderr())
}

fn to(mut out: impl Write + Send + 'static) -> (Log, Writer) {
    let (lines, waiting) = mpsc::sync_channel(WAITING_LINES);
    let (running, end) = mpsc::channel();
    let dropped = Arc::new(AtomicU64::new(0));
    let log = Log { lines, dropped: Arc::clone(&dropped) };
    thread::spawn(move || {
        let _running = running;
        for line in waiting {
            tell_dropped(&mut out, line.dropped);
            write(&mut out, line.text);
        }
        tell_dropped(&mut out, dropped.load(Ordering::SeqCst));
    });
    (log, Writer { end })
}

fn tell_dropped(out: &mut impl Write, dropped: u64) {
    if dropped > 0 {
        write(out, format!("adieu: lines dropped, because they were not read in time: {dropped}"));
    }
}

/// Writes a line at once. If nobody listens any more, nothing is lost.
fn write(out: &mut impl Write, line: String) {
    let _ = out.write_all((line + "\n").as_bytes());
}

impl Log {
    /// Queues a line if there is room.
    pub(crate) fn line(&self, text: String) {
        let dropped = self.dropped.swap(0, Ordering::SeqCst);
        if self.lines.try_send(Line { text, dropped }).is_err() {
            self.dropped.fetch_add(dropped + 1, Ordering::SeqCst);
        }
    }
}

impl Writer {
    /// Waits until all is written, at most for `timeout`.
    pub(crate) fn finish(self, timeout: Duration) {
        let _ = self.end.recv_timeout(timeout);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Sender;

    use super::*;

    /// A reader that lets one line pass at each `go`, and all once that is dropped.
    struct Gate {
        asked: Sender<()>,
        go: Receiver<()>,
        read: Arc<Mutex<String>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.asked.send(());
            let _ = self.go.recv();
            self.read.lock().expect("no panic").push_str(str::from_utf8(bytes).expect("text"));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Stalled {
        log: Log,
        writer: Writer,
        asked: Receiver<()>,
        go: Sender<()>,
        read: Arc<Mutex<String>>,
        expected: Vec<String>,
    }

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A log whose first line is being written, and with as many behind it as there is room for.
    fn stalled_and_full() -> Stalled {
        let (asking, asked) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let read = Arc::new(Mutex::new(String::new()));
        let (log, writer) = to(Gate { asked: asking, go: going, read: Arc::clone(&read) });
        log.line("first".to_owned());
        asked.recv_timeout(PATIENCE).expect("it writes");
        let mut expected = vec!["first".to_owned()];
        for number in 0..WAITING_LINES {
            log.line(number.to_string());
            expected.push(number.to_string());
        }
        Stalled { log, writer, asked, go, read, expected }
    }

    impl Stalled {
        /// All lines that are read in the end.
        fn lines(self) -> Vec<String> {
            drop((self.log, self.go));
            self.writer.finish(PATIENCE);
            self.read.lock().expect("no panic").lines().map(str::to_owned).collect()
        }
    }

    fn dropped(count: usize) -> String {
        format!("adieu: lines dropped, because they were not read in time: {count}")
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_when_there_is_room_again() {
        let mut stalled = stalled_and_full();
        for _ in 0..3 {
            stalled.log.line("too much".to_owned());
        }
        stalled.go.send(()).expect("it waits");
        stalled.asked.recv_timeout(PATIENCE).expect("it writes the next one");
        stalled.log.line("fits".to_owned());
        let mut expected = std::mem::take(&mut stalled.expected);
        expected.extend([dropped(3), "fits".to_owned()]);
        assert_eq!(stalled.lines(), expected);
    }

    #[test]
    fn what_is_dropped_last_is_counted_at_the_end() {
        let mut stalled = stalled_and_full();
        for _ in 0..2 {
            stalled.log.line("too much".to_owned());
        }
        let mut expected = std::mem::take(&mut stalled.expected);
        expected.push(dropped(2));
        assert_eq!(stalled.lines(), expected);
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_stalls() {
        let Stalled { log, writer, read, go, .. } = stalled_and_full();
        drop(log);
        writer.finish(Duration::ZERO);
        assert_eq!(*read.lock().expect("no panic"), "");
        drop(go);
    }
}
