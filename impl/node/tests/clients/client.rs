//! What a client makes of it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use raftlab_node::api::{Code, Consistency, KvRequest, MemberRequest, SessionRequest};
use raftlab_node::client::{Client, Failure, Options, Reason, Server};

use crate::stub::{Cluster, Trouble};

/// Long enough for what succeeds; what fails waits for less.
const PATIENT: Duration = Duration::from_secs(20);

fn options() -> Options {
    Options { timeout: PATIENT, attempt: PATIENT, ..Options::default() }
}

fn client(cluster: &Cluster) -> Client {
    Client::new(&cluster.addresses(), options()).unwrap()
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn session(request: &KvRequest) -> Option<SessionRequest> {
    match request {
        KvRequest::Put { session, .. }
        | KvRequest::Delete { session, .. }
        | KvRequest::Cas { session, .. } => *session,
        _ => None,
    }
}

#[tokio::test]
async fn a_session_counts_its_commands_over_one_connection() {
    let cluster = Cluster::start(1);
    let mut client = client(&cluster);
    assert!(!client.put("a", "1").await.unwrap().existed);
    assert!(client.put("a", "2").await.unwrap().existed);
    assert!(client.cas("a", Some("2"), Some("3")).await.unwrap().swapped);
    assert_eq!(client.cas("a", None, Some("4")).await.unwrap().value.as_deref(), Some("3"));
    assert_eq!(client.get("a", Consistency::Linearizable).await.unwrap().value.as_deref(), Some("3"));
    assert_eq!(client.delete("a").await.unwrap().revision, 4);
    let sessions: Vec<_> = cluster.commands().iter().filter_map(|(_, request)| session(request)).collect();
    let numbered = |sequence| SessionRequest { id: 1, sequence, unanswered: sequence };
    assert_eq!(sessions, [1, 2, 3, 4, 5].map(numbered));
    assert_eq!(cluster.world().connections, 1);
}

#[tokio::test]
async fn the_leader_is_found_where_others_say_it_is() {
    let cluster = Cluster::start(3);
    cluster.world().leader = Some(2);
    // Only one that does not lead is known.
    let mut client = Client::new(&cluster.addresses()[..1], options()).unwrap();
    client.put("a", "1").await.unwrap();
    assert_eq!(client.server(), cluster.addresses()[2]);
    let heard: Vec<_> = cluster.world().heard.iter().map(|(own, _)| *own).collect();
    assert_eq!(heard, [0, 2, 2], "the first is asked once, and what follows goes to the leader");
}

#[tokio::test]
async fn servers_are_asked_in_turn_where_nobody_names_the_leader() {
    let cluster = Cluster::start(3);
    cluster.world().leader = Some(2);
    cluster.world().is_leader_named = false;
    let mut known = vec![nobody()];
    known.extend(cluster.addresses());
    let mut client = Client::new(&known, options()).unwrap();
    client.put("a", "1").await.unwrap();
    assert_eq!(client.server(), cluster.addresses()[2]);
}

#[tokio::test]
async fn a_client_follows_a_leader_that_changes_twice() {
    let cluster = Cluster::start(3);
    let mut client = client(&cluster);
    client.put("a", "1").await.unwrap();
    cluster.world().troubles.extend([Trouble::LeaderMovesTo(2), Trouble::LeaderMovesTo(1)]);
    client.put("a", "2").await.unwrap();
    let asked: Vec<_> = cluster.commands().iter().map(|(own, _)| *own).collect();
    assert_eq!(asked, [0, 0, 2, 1]);
}

#[tokio::test]
async fn a_leader_is_waited_for() {
    let cluster = Cluster::start(3);
    cluster.world().leader = None;
    let mut client = client(&cluster);
    let elected = cluster.clone();
    let election = tokio::spawn(async move {
        // Every server was asked, in vain.
        while elected.world().heard.len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        elected.world().leader = Some(1);
    });
    client.put("a", "1").await.unwrap();
    election.await.unwrap();
}

#[tokio::test]
async fn what_may_have_been_done_is_repeated_under_its_number_and_done_once() {
    for trouble in
        [Trouble::BreakDone, Trouble::BreakUndone, Trouble::HalfAnswer, Trouble::Say(Code::Unknown)]
    {
        let cluster = Cluster::start(1);
        let mut client = client(&cluster);
        client.put("a", "1").await.unwrap();
        cluster.world().troubles.push_back(trouble.clone());
        let written = client.put("a", "2").await.unwrap();
        let was_done = matches!(trouble, Trouble::BreakDone | Trouble::HalfAnswer);
        assert_eq!(written.repeated, was_done, "{trouble:?}");
        assert_eq!(cluster.world().revision, 2, "{trouble:?}");
        let sequences: Vec<_> = cluster
            .commands()
            .iter()
            .filter_map(|(_, request)| session(request))
            .map(|of| of.sequence)
            .collect();
        assert_eq!(sequences, [1, 2, 2], "{trouble:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_for_another() {
    let cluster = Cluster::start(2);
    let attempt = Duration::from_millis(50);
    let mut client = Client::new(&cluster.addresses(), Options { attempt, ..options() }).unwrap();
    client.put("a", "1").await.unwrap();
    cluster.world().troubles.extend([Trouble::Hang]);
    let (after, leaderless) = (cluster.clone(), client.put("a", "2"));
    let moved = async move {
        while after.commands().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        after.world().leader = Some(1);
    };
    let (written, ()) = tokio::join!(leaderless, moved);
    written.unwrap();
    assert_eq!(cluster.commands().last().unwrap().0, 1);
}

#[tokio::test]
async fn without_a_session_what_may_have_been_done_is_not_repeated() {
    let unknown = [
        Trouble::BreakDone,
        Trouble::BreakUndone,
        Trouble::HalfAnswer,
        Trouble::Say(Code::Unknown),
        Trouble::Gibberish(200),
        Trouble::Gibberish(500),
    ];
    for trouble in unknown {
        let cluster = Cluster::start(1);
        let mut client =
            Client::new(&cluster.addresses(), Options { in_session: false, ..options() }).unwrap();
        client.put("a", "1").await.unwrap();
        cluster.world().troubles.push_back(trouble.clone());
        let failure = client.put("a", "2").await.unwrap_err();
        assert!(matches!(failure, Failure::Unknown(_)), "{trouble:?}: {failure}");
        let says = failure.to_string();
        assert!(says.starts_with("the outcome is unknown, it may have been done or may be yet: "), "{says}");
        assert_eq!(cluster.commands().len(), 2, "{trouble:?}");
        assert!(cluster.commands().iter().all(|(_, request)| session(request).is_none()));
    }
}

#[tokio::test]
async fn without_a_session_what_was_not_done_is_sent_again() {
    for code in [Code::Busy, Code::Replaced, Code::Stopping, Code::TimedOut] {
        let cluster = Cluster::start(1);
        let mut client =
            Client::new(&cluster.addresses(), Options { in_session: false, ..options() }).unwrap();
        cluster.world().troubles.push_back(Trouble::Say(code));
        client.put("a", "1").await.unwrap();
        assert_eq!(cluster.commands().len(), 2, "{code:?}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_at_rest_is_replaced_and_nothing_is_unknown() {
    let cluster = Cluster::start(1);
    let mut client = Client::new(&cluster.addresses(), Options { in_session: false, ..options() }).unwrap();
    for connections in 1..=20 {
        cluster.world().troubles.push_back(Trouble::CloseAfter);
        client.put("a", "1").await.unwrap();
        // The end of the connection arrives some time after the answer.
        while cluster.world().closed < connections {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let world = cluster.world();
    assert_eq!((world.connections, world.revision), (20, 20));
}

#[tokio::test]
async fn reads_are_repeated_whatever_befell_them() {
    let cluster = Cluster::start(1);
    let mut client = Client::new(&cluster.addresses(), Options { in_session: false, ..options() }).unwrap();
    client.put("a", "1").await.unwrap();
    cluster.world().troubles.extend([Trouble::BreakDone, Trouble::Say(Code::TimedOut), Trouble::HalfAnswer]);
    assert_eq!(client.get("a", Consistency::Linearizable).await.unwrap().value.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_stale_read_is_answered_by_whoever_is_asked() {
    let cluster = Cluster::start(2);
    cluster.world().leader = Some(1);
    let mut client = client(&cluster);
    client.get("a", Consistency::Stale).await.unwrap();
    assert_eq!(cluster.commands().iter().map(|(own, _)| *own).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn the_deadline_ends_it_and_says_what_is_known() {
    let timeout = Duration::from_millis(150);
    let hurried = Options { timeout, attempt: Duration::from_millis(20), ..options() };
    let nobody = nobody();
    let mut alone = Client::new(&[nobody], hurried.clone()).unwrap();
    let failure = alone.put("a", "1").await.unwrap_err();
    assert!(
        matches!(failure, Failure::NotDone(Reason::Unreachable { server, .. }) if server == nobody),
        "{failure}"
    );

    let cluster = Cluster::start(2);
    cluster.world().leader = None;
    let known = [cluster.addresses(), vec![nobody]].concat();
    let mut leaderless = Client::new(&known, hurried.clone()).unwrap();
    let failure = leaderless.put("a", "1").await.unwrap_err();
    // What a server said is told, and not that another one is down.
    assert_eq!(failure.reason().code(), Some(Code::NotLeader), "{failure}");
    assert!(matches!(failure, Failure::NotDone(_)), "{failure}");

    let cluster = Cluster::start(1);
    let mut once_heard = Client::new(&cluster.addresses(), hurried).unwrap();
    once_heard.put("a", "1").await.unwrap();
    cluster.world().troubles.push_back(Trouble::BreakDone);
    cluster.world().troubles.extend(std::iter::repeat_n(Trouble::Say(Code::Busy), 1000));
    let failure = once_heard.put("a", "2").await.unwrap_err();
    // The last answers say that nothing was done by them, which says nothing of the first attempt.
    assert!(matches!(failure, Failure::Unknown(Reason::Broken { .. })), "{failure}");
}

#[tokio::test]
async fn after_an_unknown_outcome_the_next_command_has_the_next_number() {
    let cluster = Cluster::start(1);
    let (timeout, attempt) = (Duration::from_millis(100), Duration::from_millis(20));
    let mut client = Client::new(&cluster.addresses(), Options { timeout, attempt, ..options() }).unwrap();
    cluster.world().troubles.extend(std::iter::repeat_n(Trouble::Say(Code::Unknown), 1000));
    assert!(matches!(client.put("a", "1").await, Err(Failure::Unknown(_))));
    cluster.world().troubles.clear();
    client.put("a", "2").await.unwrap();
    let last = session(&cluster.commands().last().unwrap().1).unwrap();
    assert_eq!((last.sequence, last.unanswered), (2, 2));
}

#[tokio::test]
async fn a_session_that_is_gone_before_a_command_is_replaced() {
    let cluster = Cluster::start(1);
    let mut client = client(&cluster);
    client.put("a", "1").await.unwrap();
    cluster.world().forget_sessions();
    client.put("a", "2").await.unwrap();
    assert_eq!(cluster.world().revision, 2);
    let last = session(&cluster.commands().last().unwrap().1).unwrap();
    assert_eq!((last.id, last.sequence), (2, 1));
}

#[tokio::test]
async fn a_session_that_is_gone_between_two_attempts_leaves_the_outcome_unknown() {
    let cluster = Cluster::start(1);
    let mut client = client(&cluster);
    client.put("a", "1").await.unwrap();
    cluster.world().troubles.extend([Trouble::BreakDone, Trouble::Say(Code::Expired)]);
    let failure = client.put("a", "2").await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown(_)), "{failure}");
    assert_eq!(failure.reason().code(), Some(Code::Expired));
    client.put("a", "3").await.unwrap();
    assert_eq!(cluster.world().revision, 3);
}

#[tokio::test]
async fn a_refusal_is_final() {
    for code in [Code::Malformed, Code::TooLarge, Code::Refused, Code::NotFound] {
        let cluster = Cluster::start(2);
        let mut client = client(&cluster);
        cluster.world().troubles.push_back(Trouble::Say(code));
        let failure = client.put("a", "1").await.unwrap_err();
        assert!(matches!(&failure, Failure::NotDone(reason) if reason.code() == Some(code)), "{failure}");
        assert_eq!(cluster.commands().len(), 1);
    }
}

#[tokio::test]
async fn a_change_of_members_is_not_repeated_if_it_may_have_been_done() {
    let cluster = Cluster::start(3);
    let mut client = client(&cluster);
    let remove = MemberRequest::Remove { server: "n3".into() };
    cluster.world().troubles.push_back(Trouble::BreakDone);
    assert!(matches!(client.change(&remove).await, Err(Failure::Unknown(_))));
    assert_eq!(cluster.world().heard.len(), 1);
    cluster.world().troubles.push_back(Trouble::Say(Code::Busy));
    assert_eq!(client.change(&remove).await.unwrap().members.len(), 2);
}

#[tokio::test]
async fn an_answer_that_comes_in_many_pieces_is_put_together() {
    let cluster = Cluster::start(2);
    cluster.world().leader = Some(1);
    let bytes: Vec<u8> =
        (0..3_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    cluster.world().snapshot.clone_from(&bytes);
    assert!(client(&cluster).snapshot().await.unwrap() == bytes);
    assert_eq!(cluster.world().snapshots_by, [1], "the leader is asked");
}

#[tokio::test]
async fn a_server_tells_how_it_stands_and_what_happens_to_it() {
    let cluster = Cluster::start(2);
    let mut server = Server::new(cluster.addresses()[1], PATIENT);
    assert_eq!(server.status().await.unwrap().server, "n2");
    assert_eq!(server.members().await.unwrap().quorum, 2);
    assert_eq!(server.metrics().await.unwrap(), "raftlab_has_leader 1\n");
    assert_eq!(server.ready().await, Ok(Ok(())));
    cluster.world().leader = None;
    assert_eq!(server.ready().await, Ok(Err("no leader is known".to_string())));
    assert_eq!(server.chaos().await.unwrap_err().code(), Some(Code::NotFound));
    let mut events = server.events().await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert_eq!((event.server.as_str(), event.kind.as_str(), event.term), ("n2", "leader", 4));
    assert_eq!(events.next().await.unwrap(), None);
}
