//! Bodies of requests and answers, and the flag that names the servers of a cluster: what is read is written and read
//! again, and is the same.

use std::fmt::Debug;

use raftlab_node::api::{
    ErrorDocument, EventDocument, KvRequest, KvResponse, MemberRequest, Members, StatusDocument,
};
use raftlab_node::chaos::ChaosRequest;
use raftlab_node::peers::Peers;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Reached, Source};

const VALID: &[&str] = &[
    r#"{"op":"open","timeout_ms":5}"#,
    r#"{"op":"put","key":"k","value":"v","session":{"id":3,"sequence":2,"unanswered":1},"timeout_ms":100}"#,
    r#"{"op":"get","key":"k","consistency":"lease"}"#,
    r#"{"op":"cas","key":"k","expected":null,"value":"v"}"#,
    r#"{"op":"delete","key":"k"}"#,
    r#"{"swapped":false,"revision":0,"value":"v","repeated":true}"#,
    r#"{"revision":7,"existed":true,"repeated":false}"#,
    r#"{"op":"add-learner","server":"n4","peer":"127.0.0.1:7004","http":"[::1]:9004"}"#,
    r#"{"op":"move-leader","to":"n2"}"#,
    r#"{"fault":"link","peer":"n2","direction":"out","drop":0.25,"delay_ms":1e3}"#,
    r#"{"fault":"disk","sync_delay_ms":5.5,"stall":false}"#,
    r#"{"fault":"clock","rate_percent":110.0,"jump_ms":-20}"#,
    r#"{"fault":"pause","ms":3}"#,
    r#"{"code":"not_leader","error":"it does not lead","leader":"n2","leader_http":"127.0.0.1:9002"}"#,
    r#"{"quorum":2,"tolerates":1,"members":[{"server":"n1","standing":"voter","peer":null,"http":null}]}"#,
    r#"{"unix_us":1,"server":"n1","term":2,"kind":"role","text":"became leader"}"#,
    "n1=127.0.0.1:7001@127.0.0.1:9001,n2=127.0.0.1:7002,n3=[::1]:7003",
];

/// A body, and a flag.
///
/// # Panics
///
/// If a parser does, or what is written is read as something else.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let text = if source.byte().is_multiple_of(16) {
        String::from_utf8_lossy(source.rest()).into_owned()
    } else {
        let valid = source.one_of(VALID);
        source.mutate_text(valid)
    };
    if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
        reached.note("JSON");
    }
    let read = [
        again::<KvRequest>(&text).then_some("requests to the store"),
        again::<KvResponse>(&text).then_some("answers of the store"),
        again::<MemberRequest>(&text).then_some("requests for members"),
        again::<ChaosRequest>(&text).then_some("requests for faults"),
        again::<ErrorDocument>(&text).then_some("errors"),
        again::<Members>(&text).then_some("members"),
        again::<StatusDocument>(&text).then_some("states of a server"),
        again::<EventDocument>(&text).then_some("events"),
    ];
    for what in read.into_iter().flatten() {
        reached.note("bodies");
        reached.note(what);
    }
    if let Ok(peers) = text.parse::<Peers>() {
        reached.note("lists of servers");
        assert_eq!(peers.to_string().parse(), Ok(peers));
    }
}

/// Is it one? Then it is the same when it is written and read again.
fn again<T: DeserializeOwned + Serialize + Debug + PartialEq>(text: &str) -> bool {
    let Ok(read) = serde_json::from_str::<T>(text) else { return false };
    let written = serde_json::to_string(&read).expect("a body is JSON");
    let again = serde_json::from_str::<T>(&written);
    assert!(again.as_ref().is_ok_and(|again| *again == read), "{read:?}, {written}: {again:?}");
    true
}
