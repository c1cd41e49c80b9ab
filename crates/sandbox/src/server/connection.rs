//! Serves HTTP/1.1 on a socket, and closes the connection where a response says so: the server of a web framework always responds.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Sleep;

/// How a response is broken off. It is passed in the extensions of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakOff {
    /// Nothing is sent.
    Before,
    /// Only the headers and a part of the body are sent.
    Within,
    /// Everything is sent, but the body byte by byte, with this pause before each byte.
    Trickling(Duration),
}

/// The time between half a response and the close of the connection, so that the client reads that half.
const LINGER: Duration = Duration::from_millis(5);

/// The pause before a retry when no connection can be accepted, for example because the process has too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until the future is dropped, which also closes all connections.
pub(super) async fn serve(listener: TcpListener, app: Router) {
    let app = TowerToHyperService::new(app);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, app.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, app: TowerToHyperService<Router>) {
    // A client whose connection ends early notices that itself; the error needs no report.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        // As in Apigee, a request is completed even if the client has disconnected.
        let done = tokio::spawn(app.call(request));
        async move {
            let response = match done.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => return Err(BrokenOff),
            };
            match response.extensions().get() {
                None => Ok(response),
                Some(BreakOff::Before) => Err(BrokenOff),
                Some(BreakOff::Within) => cut(response).await,
                Some(BreakOff::Trickling(pause)) => trickling(*pause, response).await,
            }
        }
    });
    let mut server = http1::Builder::new();
    let _ = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// Makes hyper close the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct BrokenOff;

/// The response with half of its body, but with the length of the whole body.
async fn cut(response: Response) -> Result<Response, BrokenOff> {
    let (mut head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(|_| BrokenOff)?;
    head.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = HalfBody { bytes: Some(whole.slice(..whole.len() / 2)), linger: Box::pin(tokio::time::sleep(LINGER)) };
    Ok(Response::from_parts(head, Body::new(half)))
}

/// The response with a slow body.
async fn trickling(pause: Duration, response: Response) -> Result<Response, BrokenOff> {
    let (mut head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(|_| BrokenOff)?;
    head.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let slow = SlowBody { bytes: whole, pause, next: Box::pin(tokio::time::sleep(pause)) };
    Ok(Response::from_parts(head, Body::new(slow)))
}

/// A body that is sent byte by byte.
struct SlowBody {
    bytes: Bytes,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl HttpBody for SlowBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(cx));
        let pause = self.pause;
        self.next.as_mut().reset(tokio::time::Instant::now() + pause);
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(1)))))
    }
}

/// A body that ends in an error.
struct HalfBody {
    bytes: Option<Bytes>,
    linger: Pin<Box<Sleep>>,
}

impl HttpBody for HalfBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        ready!(self.linger.as_mut().poll(cx));
        Poll::Ready(Some(Err(BrokenOff)))
    }
}
