//! `/metrics` and `/healthz` over HTTP, for scrapers and supervisors on the same machine.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exposition;
use crate::host::Host;

/// Scrapers at once. They share the runtime with Kafka's clients.
const CONNECTIONS_MAX: usize = 16;

/// A request's head must be whole by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection is closed by then, whatever it does.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Binds `HOST:PORT` (`metrics.listener`).
pub(crate) async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves for as long as the process runs.
pub(crate) async fn run(host: Arc<Host>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let host = host.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, serve(host, stream)).await;
            drop(place);
        });
    }
}

async fn serve(host: Arc<Host>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&host, request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(8 * 1024);
    // A scraper that speaks nonsense is its own trouble.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(host: &Arc<Host>, method: &Method, path: &str) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
    }
    match path {
        "/healthz" if host.lifecycle.is_draining() => {
            text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        }
        "/healthz" if host.lifecycle.is_ready() => text(StatusCode::OK, "ok\n"),
        "/healthz" => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        "/metrics" => match exposition::text_of(host) {
            Ok(metrics) => {
                let mut response = Response::new(Full::from(metrics));
                let kind = hyper::header::HeaderValue::from_static(OPEN_METRICS);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "cannot write the metrics\n"),
        },
        _ => text(StatusCode::NOT_FOUND, "/metrics or /healthz\n"),
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use kt_node::{Effect, Input, NodeMetrics, PartitionMetrics};
    use kt_protocol::types::{Now, TopicPartition};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::engine::Engine;
    use crate::host::tests::host_around;

    struct Quiet;

    impl Engine for Quiet {
        fn handle(&self, _: Now, _: Input, _: &mut Vec<Effect>) {}

        fn metrics(&self) -> NodeMetrics {
            let orders = PartitionMetrics {
                partition: TopicPartition::new("orders", 3),
                unflushed_records: 4096,
                uncommitted_records: 4,
                log_end_offset: 5000,
                log_start_offset: 2,
            };
            NodeMetrics {
                requests: vec![("Produce", 9)],
                partitions: vec![orders],
                ..NodeMetrics::default()
            }
        }
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn health_follows_the_node_and_metrics_name_partitions() {
        let host = host_around(Arc::new(Quiet));
        let (listener, address) = bind("127.0.0.1:0").await.unwrap();
        tokio::spawn(run(host.clone(), listener));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 503"));
        host.lifecycle.ready();
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/other").await.starts_with("HTTP/1.1 404"));
        host.metrics.sent(7);
        let metrics = get(address, "/metrics").await;
        assert!(metrics.contains("\nkt_sent_bytes_total 7\n"), "{metrics}");
        assert!(metrics.contains("\nkt_ready 1\n"), "{metrics}");
        for line in [
            r#"kt_unflushed_records{topic="orders",partition="3"} 4096"#,
            r#"kt_log_end_offset{topic="orders",partition="3"} 5000"#,
            r#"kt_api_requests_total{api="Produce"} 9"#,
        ] {
            assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
        }
        host.lifecycle.drain();
        assert!(get(address, "/healthz").await.contains("stopping"));
    }
}
