//! The exchange of RFC 7677, the same with SHA-512, and what a false server may try.

use super::*;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

fn exchange(digest: Digest, name: &str, is_token: bool) -> Scram {
    let password = Secret::new("pencil");
    let user = ScramUser { name: name.to_owned(), password, is_token };
    Scram::new(digest, user, NONCE.to_owned())
}

/// Both sides, a line each.
fn transcript(digest: Digest, server: &[&str]) -> String {
    let mut scram = exchange(digest, "user", false);
    let mut lines = vec![String::from_utf8(scram.first()).unwrap()];
    for challenge in server {
        lines.push(match scram.next(challenge.as_bytes()) {
            Ok(Step::Respond(bytes)) => String::from_utf8(bytes).unwrap(),
            Ok(Step::Done) => "done".to_owned(),
            Err(error) => error.to_string(),
        });
    }
    lines.join("\n")
}

#[test]
fn sha_256_as_in_rfc_7677() {
    let signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    insta::assert_snapshot!(transcript(Digest::Sha256, &[SERVER_FIRST, signature]), @r"
    n,,n=user,r=rOprNGfwEbeRWgbNEkqO
    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
    done
    ");
}

#[test]
fn sha_512_with_the_same_names_and_nonces() {
    let signature = "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4\
                     +5ZxXnJq199RVG2rR7N7Zw==";
    insta::assert_snapshot!(transcript(Digest::Sha512, &[SERVER_FIRST, signature]), @r"
    n,,n=user,r=rOprNGfwEbeRWgbNEkqO
    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==
    done
    ");
}

#[test]
fn names_are_escaped_and_tokens_say_so() {
    let first = exchange(Digest::Sha256, "a=b,c", false).first();
    assert_eq!(first, b"n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO");
    let first = exchange(Digest::Sha256, "id", true).first();
    assert_eq!(first, b"n,,n=id,r=rOprNGfwEbeRWgbNEkqO,tokenauth=true");
}

fn fault_of_first(challenge: &str) -> String {
    exchange(Digest::Sha256, "user", false).next(challenge.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_server_that_breaks_the_rules_is_refused() {
    insta::assert_snapshot!(fault_of_first(""), @"the broker's answer breaks SCRAM-SHA-256: it has no nonce");
    insta::assert_snapshot!(fault_of_first("m=new,r=x"), @"the broker's answer breaks SCRAM-SHA-256: it has no nonce");
    insta::assert_snapshot!(fault_of_first("r=other,s=YQ==,i=4096"), @"the broker's answer breaks SCRAM-SHA-256: its nonce does not continue ours");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE},s=YQ==,i=4096")), @"the broker's answer breaks SCRAM-SHA-256: its nonce does not continue ours");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE}x,s=*,i=4096")), @"the broker's answer breaks SCRAM-SHA-256: it has no salt");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE}x,s=YQ==,i=many")), @"the broker's answer breaks SCRAM-SHA-256: it has no iterations");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE}x,s=YQ==,i=4095")), @"the broker asks for 4095 iterations, less than the 4096 that are safe");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE}x,s=YQ==,i=0")), @"the broker asks for 0 iterations, less than the 4096 that are safe");
    insta::assert_snapshot!(fault_of_first(&format!("r={NONCE}x,s=YQ==,i=1000001")), @"the broker asks for 1000001 iterations, more than the 1000000 that are done");
}

#[test]
fn success_without_a_proof_is_none() {
    for (last, said) in [
        ("v=AAAA", "the broker could not prove that it knows the password"),
        ("", "the broker's answer breaks SCRAM-SHA-256: it has no signature"),
        ("e=other-error", "other-error"),
    ] {
        let transcript = transcript(Digest::Sha256, &[SERVER_FIRST, last]);
        let ended = transcript.lines().last().unwrap();
        assert_eq!(ended, said);
    }
    let after = transcript(Digest::Sha256, &[SERVER_FIRST, "v=AAAA", "v=AAAA"]);
    assert!(after.ends_with("it says more than it may"), "{after}");
}

#[test]
fn nothing_shows_the_password() {
    let mut scram = exchange(Digest::Sha256, "user", false);
    assert!(!format!("{scram:?}").contains("pencil"));
    scram.next(SERVER_FIRST.as_bytes()).unwrap();
    assert!(!format!("{scram:?}").contains("pencil"));
}

#[test]
fn nonces_differ_and_hold_no_comma() {
    let (one, other) = (nonce().unwrap(), nonce().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.len(), 32);
    assert!(!one.contains(','));
}
