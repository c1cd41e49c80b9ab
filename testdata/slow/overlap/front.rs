//! Stands between one run and the sandbox: it delays and spoils requests, kills the run, and shows each write to the [`Eye`].
//!
//! One run has one front, so that each write has an author. Writes are sent one at a time, so that each change has one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::eye::{Eye, RunId};
use super::pick;
use crate::random::Random;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It is not sent on, and answered with this status.
    Status(u16),
    /// It is not sent on, and the connection is closed.
    Reset,
    /// It is sent on, and the connection is closed.
    Lost,
    /// It is sent on, and answered with 503.
    Lost503,
    /// It is sent on after a pause.
    Slow(u64),
}

/// What happens to the requests of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// By the number of the request, from 1.
    faults: BTreeMap<u64, Fault>,
    /// The run is killed at the request with this number, before or after it is sent on.
    kill: Option<(u64, bool)>,
    /// The longest pause before a request, in milliseconds.
    pause: u64,
    seed: u64,
}

impl Plan {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut plan = Self { seed: random.below(u64::MAX), ..Self::default() };
        if random.below(2) == 0 {
            plan.pause = 1 + random.below(6);
        }
        if random.below(3) == 0 {
            let faults = [
                Fault::Status(429),
                Fault::Status(500),
                Fault::Status(503),
                Fault::Reset,
                Fault::Lost,
                Fault::Lost503,
                Fault::Slow(60),
            ];
            for _ in 0..=random.below(4) {
                let first = 1 + random.below(40);
                let fault = *pick(&faults, random);
                // More than the client tries again.
                let times = if random.below(4) == 0 { 8 } else { 1 };
                plan.faults.extend((first..first + times).map(|number| (number, fault)));
            }
        }
        if random.below(8) == 0 {
            plan.kill = Some((1 + random.below(30), random.below(2) == 0));
        }
        plan
    }

    fn pause(&self, number: u64) -> Duration {
        if self.pause == 0 {
            return Duration::ZERO;
        }
        Random(self.seed.wrapping_add(number)).pause(self.pause)
    }
}

/// The front of one run.
pub(crate) struct Front {
    address: SocketAddr,
    /// Is notified when the run is killed.
    pub(crate) killed: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared {
    eye: Arc<Eye>,
    run: RunId,
    plan: Plan,
    killed: Arc<Notify>,
    count: AtomicU64,
}

impl Front {
    pub(crate) async fn start(eye: &Arc<Eye>, run: RunId, plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let killed = Arc::<Notify>::default();
        let shared =
            Arc::new(Shared { eye: Arc::clone(eye), run, plan, killed: Arc::clone(&killed), count: AtomicU64::new(0) });
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A request that was sent is carried out even if its client is killed.
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Self { address, killed, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> Option<()> {
        let (mut rest, mut answers) = (Vec::new(), Vec::new());
        let mut server: Option<TcpStream> = None;
        while let Some(request) = read_message(&mut client, &mut rest).await {
            let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            let head = String::from_utf8_lossy(&request[..request.len().min(4096)]).into_owned();
            let mut words = head.split(' ');
            let (method, path) = (words.next()?, words.next()?);
            self.eye.sent(self.run, method, path);
            tokio::time::sleep(self.plan.pause(number)).await;
            if self.plan.kill == Some((number, false)) {
                self.killed.notify_one();
                return None;
            }
            let fault = self.plan.faults.get(&number).copied();
            match fault {
                Some(Fault::Reset) => {
                    self.eye.count("resets");
                    return None;
                }
                Some(Fault::Status(code)) => {
                    self.eye.count("refused requests");
                    client.write_all(&refusal(code)).await.ok()?;
                    continue;
                }
                Some(Fault::Slow(pause)) => {
                    self.eye.count("slow requests");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                _ => {}
            }
            let is_write = method != "GET" && !path.contains("ChangeReport");
            let turn = if is_write { Some(self.eye.turn.lock().await) } else { None };
            let upstream = match &mut server {
                Some(server) => server,
                none => none.insert(TcpStream::connect(self.eye.address).await.ok()?),
            };
            upstream.write_all(&request).await.ok()?;
            let answer = read_message(upstream, &mut answers).await?;
            if is_write && answer.get(9) == Some(&b'2') {
                self.eye.acted(self.run, method, path).await;
            }
            drop(turn);
            if self.plan.kill == Some((number, true)) {
                self.killed.notify_one();
                return None;
            }
            match fault {
                Some(Fault::Lost) => {
                    self.eye.count("lost responses");
                    return None;
                }
                Some(Fault::Lost503) => {
                    self.eye.count("lost responses");
                    client.write_all(&refusal(503)).await.ok()?;
                }
                _ => client.write_all(&answer).await.ok()?,
            }
        }
        None
    }
}

/// Reads a request or a response with a declared length.
async fn read_message(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
            assert!(!head.contains("transfer-encoding"), "a message has no declared length: {head}");
            let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
            let length = end + 4 + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if rest.len() >= length {
                let message = rest[..length].to_vec();
                rest.drain(..length);
                return Some(message);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => rest.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
}

/// An error in Google's format.
fn refusal(code: u16) -> Vec<u8> {
    let status = if code == 429 { "RESOURCE_EXHAUSTED" } else { "UNAVAILABLE" };
    let body = format!(r#"{{"error": {{"code": {code}, "message": "injected", "status": "{status}"}}}}"#);
    format!(
        "HTTP/1.1 {code} Injected\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
