//! Binding is not advertising: clients connect to what the broker tells them.

use std::sync::Arc;

use rdkafka::producer::FutureRecord;

use crate::support::broker::kt;
use crate::support::proxy::{Proxy, Verdict};
use crate::support::{Broker, client};

/// As through a port forward: the broker's own port is another one than clients use.
#[tokio::test]
async fn clients_go_where_the_advertised_listener_points() {
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let broker = Broker::start_with(&[("advertised.listeners", &advertised)]);
    assert_ne!(broker.address(), address.to_string());
    let upstream = broker.address().parse().expect("an address");
    let _proxy = Proxy::start(listener, upstream, Arc::new(|_, _| Verdict::Pass));
    client::create_topic(&address.to_string(), "forwarded", 1, &[]).await;
    let producer = client::producer(&address.to_string(), &[]);
    let record = FutureRecord::<(), str>::to("forwarded").payload("through");
    producer.send(record, client::SOON).await.expect("it is delivered");
    assert_eq!(client::read_all(&address.to_string(), "forwarded", 0, 0).len(), 1);
}

fn refusal(settings: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = kt();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(directory.path());
    for setting in settings {
        command.args(["--set", setting]);
    }
    let output = command.output().expect("kt runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_no_client_can_reach_is_refused_with_the_fix() {
    let (code, stderr) = refusal(&["advertised.listeners=PLAINTEXT://0.0.0.0:9092"]);
    assert_ne!(code, Some(0));
    assert!(stderr.contains("advertised.listeners=PLAINTEXT://NAME-OF-THIS-HOST"), "{stderr}");
}

#[test]
fn what_would_protect_and_is_not_built_refuses_to_start() {
    for setting in ["authorizer.class.name=x.Y", "ssl.keystore.location=/k", "super.users=User:a"] {
        let (code, stderr) = refusal(&[setting]);
        assert_ne!(code, Some(0), "{setting}");
        let key = setting.split_once('=').expect("a pair").0;
        assert!(stderr.contains(key), "{setting}: {stderr}");
    }
}

#[test]
fn a_misspelt_key_names_the_nearest() {
    let (code, stderr) = refusal(&["num.partition=3"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("num.partitions"), "{stderr}");
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let broker = Broker::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = kt();
    command.args(["serve", "--listen", &broker.address(), "--data"]).arg(directory.path());
    let output = command.output().expect("kt runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&broker.address()) && stderr.contains("in use"), "{stderr}");
}

#[test]
fn a_directory_that_another_process_holds_is_refused() {
    let broker = Broker::start();
    let mut command = kt();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(broker.data());
    let output = command.output().expect("kt runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(broker.data().to_str().expect("text")), "{stderr}");
}
