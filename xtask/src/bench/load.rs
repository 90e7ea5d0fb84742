//! The load: keep-alive connections on one thread, each sending its next request when it has its answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::machine::Cores;
use crate::fault::{Fault, Result, While};
use crate::http::Response;
use crate::process::interrupted;

/// What is asked.
pub trait Talk: Send + Sync {
    /// Writes the next request of a connection. Numbers never repeat within a run.
    fn ask(&self, number: u64, connection: usize, out: &mut Vec<u8>);

    /// Takes the answer, for those whose next request depends on it.
    fn heard(&self, _connection: usize, _answer: &[u8]) {}

    /// Whether an answer of this status is one that was hoped for.
    fn good(&self, status: u16) -> bool {
        (200..300).contains(&status)
    }
}

impl<F: Fn(u64, &mut Vec<u8>) + Send + Sync> Talk for F {
    fn ask(&self, number: u64, _: usize, out: &mut Vec<u8>) {
        self(number, out);
    }
}

/// A talk that several connections hold.
pub type Source = Arc<dyn Talk>;

/// One measurement to make.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub source: Source,
    pub numbers: Arc<AtomicU64>,
    /// Answers count between these two.
    pub from: Instant,
    pub until: Instant,
}

/// What came back between `from` and `until`.
#[derive(Default, Debug)]
pub struct Tally {
    /// Microseconds from the first byte sent to the last one read.
    pub latencies: Vec<u32>,
    /// How often each status came that was not hoped for, at any time.
    pub refused: BTreeMap<u16, u64>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
    }
}

impl Load {
    /// Runs on a thread of its own, so that only this thread is pinned and not what we start later.
    pub fn start(self, cores: Option<Cores>) -> std::thread::JoinHandle<Result<Tally>> {
        std::thread::spawn(move || {
            if let Some(cores) = cores {
                cores.pin_load()?;
            }
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .during("Cannot start the load generator")?
                .block_on(self.run())
        })
    }

    async fn run(self) -> Result<Tally> {
        let tasks: Vec<_> =
            (0..self.connections).map(|n| tokio::spawn(self.clone().one_connection(n))).collect();
        let patience = self.until.saturating_duration_since(Instant::now()) + Duration::from_secs(30);
        let all = async {
            let mut total = Tally::default();
            for task in tasks {
                total.add(task.await.during("A connection's task failed")??);
            }
            Ok(total)
        };
        match tokio::time::timeout(patience, all).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::new("The server left a request without an answer for 30 seconds.")),
        }
    }

    async fn one_connection(self, connection: usize) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut stream = connect(self.address).await?;
        let mut request = Vec::new();
        let mut buffer = Vec::with_capacity(64 * 1024);
        while Instant::now() < self.until && !interrupted() {
            request.clear();
            self.source.ask(self.numbers.fetch_add(1, Ordering::Relaxed), connection, &mut request);
            let sent = Instant::now();
            stream.write_all(&request).await.during("Cannot send a request")?;
            let response = answer(&mut stream, &mut buffer).await?;
            let answered = Instant::now();
            self.source.heard(connection, &buffer[..response.length]);
            if !self.source.good(response.status) {
                *tally.refused.entry(response.status).or_default() += 1;
            } else if answered >= self.from && answered < self.until {
                tally.latencies.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
            }
            buffer.clear();
            if response.last {
                stream = connect(self.address).await?;
            }
        }
        Ok(tally)
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.during(format!("Cannot connect to {address}"))?;
    stream.set_nodelay(true).during("Cannot switch off the delay of small packets")?;
    Ok(stream)
}

async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Response> {
    loop {
        let read = stream.read_buf(buffer).await.during("Cannot read an answer")?;
        if read == 0 {
            return Err(Fault::new("The server closed a connection in the middle of an answer."));
        }
        if let Some(response) = Response::parse(buffer)? {
            return Ok(response);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// Answers every third request with 503 and closes after every fifth.
    fn odd_server() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            let mut count = 0;
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut piece = [0; 1024];
                while stream.read(&mut piece).is_ok_and(|n| n > 0) {
                    count += 1;
                    let status = if count % 3 == 0 { "503 Busy" } else { "200 OK" };
                    let connection = if count % 5 == 0 { "close" } else { "keep-alive" };
                    let text = format!(
                        "HTTP/1.1 {status}\r\nconnection: {connection}\r\ncontent-length: 2\r\n\r\n{{}}"
                    );
                    if stream.write_all(text.as_bytes()).is_err() || connection == "close" {
                        break;
                    }
                }
            }
        });
        address
    }

    #[test]
    fn answers_are_counted_by_what_they_are() {
        let numbers = Arc::new(AtomicU64::new(0));
        let now = Instant::now();
        let load = Load {
            address: odd_server(),
            connections: 1,
            source: Arc::new(|_: u64, out: &mut Vec<u8>| out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n")),
            numbers: Arc::clone(&numbers),
            from: now,
            until: now + Duration::from_millis(200),
        };
        let tally = load.start(None).join().expect("no panic").expect("no fault");
        let asked = numbers.load(Ordering::Relaxed);
        let refused = tally.refused[&503];
        assert_eq!(refused, asked / 3);
        // The last answer may come after the end.
        assert!((asked - refused - tally.latencies.len() as u64) <= 1);
    }
}
