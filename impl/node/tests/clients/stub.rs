//! Servers that speak HTTP as `api.rs` says, and fail as they are told: what a client has to live with.
//!
//! They share one store, as a cluster does, in which a session's command takes effect once. Each is a thread that
//! reads requests by hand, so that it can end a connection at any byte.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use raftlab_node::api::{
    Code, ErrorDocument, EventDocument, KvRequest, KvResponse, Member, MemberRequest, Members, PeerStatus,
    SessionRequest, StatusDocument,
};

/// What befalls one request for the store or for the members.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// It is done, and the connection ends without an answer.
    BreakDone,
    /// It is not done, and the connection ends without an answer.
    BreakUndone,
    /// It is done, and an answer comes of which the end is missing.
    HalfAnswer,
    /// It is done, answered, and then the connection ends without a word.
    CloseAfter,
    /// It is answered by this, and not done.
    Say(Code),
    /// It is never answered, nor done.
    Hang,
    /// Something that is no JSON comes, with this status.
    Gibberish(u16),
    /// The leader changes, and the old one says so.
    LeaderMovesTo(usize),
}

/// What the cluster holds, and what is to go wrong.
#[derive(Debug, Default)]
pub struct World {
    pub addresses: Vec<SocketAddr>,
    /// Who leads.
    pub leader: Option<usize>,
    /// Do the others know where the leader listens?
    pub is_leader_named: bool,
    pub troubles: VecDeque<Trouble>,
    /// Each request for the store or the members, by the server that heard it.
    pub heard: Vec<(usize, String)>,
    /// How many connections were made.
    pub connections: usize,
    /// How many of them have ended.
    pub closed: usize,
    pub store: BTreeMap<String, (String, u64)>,
    /// How many writes took effect.
    pub revision: u64,
    /// Open sessions, with the last response of each.
    sessions: BTreeMap<u64, Option<(u64, KvResponse)>>,
    opened: u64,
    pub members: Vec<(String, &'static str)>,
    /// Do members not know where the others listen for clients?
    pub are_addresses_unknown: bool,
    /// Is whoever is to lead told so in vain?
    pub is_transfer_lost: bool,
    /// So many promotions are refused, since the learner has not caught up.
    pub behind: usize,
    /// What each server gives for a snapshot, and who was asked for one.
    pub snapshot: Vec<u8>,
    pub snapshots_by: Vec<usize>,
    /// How the servers read.
    pub read_mode: &'static str,
}

/// Some servers.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Mutex<World>>);

type Answer = (u16, Vec<u8>);

impl Cluster {
    /// So many servers, of which the first leads.
    pub fn start(servers: usize) -> Cluster {
        let listeners: Vec<_> = (0..servers).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let members = (1..=servers).map(|id| (format!("n{id}"), "voter")).collect();
        let world = World {
            addresses,
            leader: Some(0),
            is_leader_named: true,
            members,
            read_mode: "index",
            ..World::default()
        };
        let cluster = Cluster(Arc::new(Mutex::new(world)));
        for (own, listener) in listeners.into_iter().enumerate() {
            let cluster = cluster.clone();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let (cluster, stream) = (cluster.clone(), stream.unwrap());
                    cluster.world().connections += 1;
                    thread::spawn(move || {
                        cluster.serve(own, stream);
                        cluster.world().closed += 1;
                    });
                }
            });
        }
        cluster
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.world().addresses.clone()
    }

    pub fn endpoints(&self) -> String {
        self.addresses().iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
    }

    /// All requests that were heard, in order, but for those that open sessions.
    pub fn commands(&self) -> Vec<(usize, KvRequest)> {
        let world = self.world();
        let read = |(own, body): &(usize, String)| Some((*own, serde_json::from_str(body).ok()?));
        let is_command = |(_, request): &(usize, KvRequest)| !matches!(request, KvRequest::Open { .. });
        world.heard.iter().filter_map(read).filter(is_command).collect()
    }

    /// One connection, as long as it lasts.
    fn serve(&self, own: usize, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut stream = stream;
        loop {
            let (line, body) = read_request(&mut reader)?;
            let (trouble, answer) = self.answer(own, &line, &body);
            match trouble {
                Some(Trouble::BreakDone | Trouble::BreakUndone) => return None,
                // Longer than any test waits.
                Some(Trouble::Hang) => thread::sleep(std::time::Duration::from_secs(30)),
                _ => {}
            }
            let (status, body) = answer;
            let mut text =
                format!("HTTP/1.1 {status} said\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
            text.extend(body);
            if trouble == Some(Trouble::HalfAnswer) {
                stream.write_all(&text[..text.len() - 3]).ok()?;
                return None;
            }
            stream.write_all(&text).ok()?;
            if trouble == Some(Trouble::CloseAfter) {
                return None;
            }
        }
    }

    fn answer(&self, own: usize, line: &str, body: &str) -> (Option<Trouble>, Answer) {
        let mut world = self.world();
        let is_asked = line.starts_with("POST /v1/kv") || line.starts_with("POST /v1/members");
        if !is_asked {
            return (None, world.tell(own, line));
        }
        world.heard.push((own, body.to_string()));
        let is_open = body.contains(r#""op":"open""#);
        let leads = world.leader == Some(own);
        let trouble = if leads && !is_open { world.troubles.pop_front() } else { None };
        match &trouble {
            Some(Trouble::Say(code)) => return (trouble.clone(), error(*code, "as it was told")),
            Some(Trouble::Gibberish(status)) => return (trouble.clone(), (*status, "<html>".into())),
            Some(Trouble::BreakUndone | Trouble::Hang) => return (trouble, error(Code::Busy, "")),
            Some(Trouble::LeaderMovesTo(to)) => world.leader = Some(*to),
            _ => {}
        }
        let is_stale = body.contains(r#""consistency":"stale""#);
        if world.leader != Some(own) && !is_stale {
            return (trouble, world.not_leader());
        }
        let answer = if line.starts_with("POST /v1/kv") { world.kv(body) } else { world.change(body) };
        (trouble, answer)
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let (mut line, mut header, mut len) = (String::new(), String::new(), 0);
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    while reader.read_line(&mut header).ok()? > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().ok()?;
        }
        header.clear();
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((line, String::from_utf8(body).ok()?))
}

pub fn error(code: Code, says: &str) -> Answer {
    let document = ErrorDocument { code, error: says.into(), leader: None, leader_http: None };
    (code.status(), serde_json::to_vec(&document).unwrap())
}

fn ok(document: &impl serde::Serialize) -> Answer {
    (200, serde_json::to_vec(document).unwrap())
}

impl World {
    fn not_leader(&self) -> Answer {
        let known = self.leader.filter(|_| self.is_leader_named);
        let document = ErrorDocument {
            code: Code::NotLeader,
            error: "this server does not lead".into(),
            leader: known.map(|leader| format!("n{}", leader + 1)),
            leader_http: known.map(|leader| self.addresses[leader]),
        };
        (421, serde_json::to_vec(&document).unwrap())
    }

    fn kv(&mut self, body: &str) -> Answer {
        let request: KvRequest = match serde_json::from_str(body) {
            Ok(request) => request,
            Err(malformed) => return error(Code::Malformed, &malformed.to_string()),
        };
        match request {
            KvRequest::Open { .. } => {
                self.opened += 1;
                self.sessions.insert(self.opened, None);
                ok(&KvResponse::Opened { session: self.opened })
            }
            KvRequest::Get { key, .. } => {
                let (value, revision) =
                    self.store.get(&key).map_or((None, 0), |(value, at)| (Some(value.clone()), *at));
                ok(&KvResponse::Value { value, revision })
            }
            KvRequest::Put { key, value, session, .. } => {
                self.once(session, |world| world.write(key, Some(value)))
            }
            KvRequest::Delete { key, session, .. } => self.once(session, |world| world.write(key, None)),
            KvRequest::Cas { key, expected, value, session, .. } => self.once(session, |world| {
                let present = world.store.get(&key).map(|(value, _)| value.clone());
                if present != expected {
                    return KvResponse::Swapped {
                        swapped: false,
                        revision: 0,
                        value: present,
                        repeated: false,
                    };
                }
                world.write(key, value);
                let revision = world.revision;
                KvResponse::Swapped { swapped: true, revision, value: None, repeated: false }
            }),
        }
    }

    /// As the dissertation has it (6.3), for a client that waits for one command at a time.
    fn once(
        &mut self,
        session: Option<SessionRequest>,
        execute: impl FnOnce(&mut World) -> KvResponse,
    ) -> Answer {
        let Some(SessionRequest { id, sequence, .. }) = session else { return ok(&execute(self)) };
        match self.sessions.get(&id) {
            None => error(Code::Expired, "the session is gone"),
            Some(Some((last, _))) if sequence < *last => error(Code::Discarded, "it was answered before"),
            Some(Some((last, response))) if sequence == *last => {
                let mut response = response.clone();
                if let KvResponse::Written { repeated, .. } | KvResponse::Swapped { repeated, .. } =
                    &mut response
                {
                    *repeated = true;
                }
                ok(&response)
            }
            Some(_) => {
                let response = execute(self);
                self.sessions.insert(id, Some((sequence, response.clone())));
                ok(&response)
            }
        }
    }

    fn write(&mut self, key: String, value: Option<String>) -> KvResponse {
        self.revision += 1;
        let revision = self.revision;
        let existed = match value {
            Some(value) => self.store.insert(key, (value, revision)).is_some(),
            None => self.store.remove(&key).is_some(),
        };
        KvResponse::Written { revision, existed, repeated: false }
    }

    /// All sessions expire.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    fn change(&mut self, body: &str) -> Answer {
        match serde_json::from_str(body).unwrap() {
            MemberRequest::AddLearner { server, .. } => {
                if self.members.iter().any(|(name, _)| *name == server) {
                    return error(Code::Refused, &format!("{server} belongs to the cluster already"));
                }
                self.members.push((server, "learner"));
            }
            MemberRequest::Promote { server } => {
                if self.behind > 0 {
                    self.behind -= 1;
                    return error(
                        Code::Refused,
                        &format!("{server} holds the log up to 3, and 9 entries are committed"),
                    );
                }
                self.members.iter_mut().filter(|(name, _)| *name == server).for_each(|(_, is)| *is = "voter");
            }
            MemberRequest::Demote { server } => {
                self.members
                    .iter_mut()
                    .filter(|(name, _)| *name == server)
                    .for_each(|(_, is)| *is = "learner");
            }
            MemberRequest::Remove { server } => self.members.retain(|(name, _)| *name != server),
            MemberRequest::MoveLeader { .. } if self.is_transfer_lost => {}
            MemberRequest::MoveLeader { to } => {
                self.leader = self.members.iter().position(|(name, _)| *name == to);
            }
        }
        ok(&self.members())
    }

    fn members(&self) -> Members {
        let of = |(at, (server, standing)): (usize, &(String, &str))| Member {
            server: server.clone(),
            standing: (*standing).into(),
            peer: Some(SocketAddr::from(([127, 0, 0, 1], 7001 + u16::try_from(at).unwrap()))),
            http: self.addresses.get(at).copied().filter(|_| !self.are_addresses_unknown),
        };
        let voters = self.members.iter().filter(|(_, standing)| *standing == "voter").count();
        Members {
            quorum: voters / 2 + 1,
            tolerates: voters.saturating_sub(1) / 2,
            members: self.members.iter().enumerate().map(of).collect(),
        }
    }

    /// What each server says of itself.
    fn tell(&mut self, own: usize, line: &str) -> Answer {
        let path = line.split(' ').nth(1).unwrap_or_default();
        match path {
            "/status" => ok(&self.status(own)),
            "/v1/members" => ok(&self.members()),
            "/readyz" if self.leader.is_some() => (200, "ok".into()),
            "/readyz" => (503, "no leader is known\n".into()),
            "/metrics" => (200, "raftlab_has_leader 1\n".into()),
            "/v1/snapshot" => {
                self.snapshots_by.push(own);
                (200, self.snapshot.clone())
            }
            "/events" => {
                let event = EventDocument {
                    unix_us: 1_700_000_000_000_000,
                    server: format!("n{}", own + 1),
                    term: 4,
                    kind: "leader".into(),
                    text: "n1 leads in term 4".into(),
                };
                (200, format!(": hello\n\ndata: {}\n\n", serde_json::to_string(&event).unwrap()).into())
            }
            _ => error(Code::NotFound, "there is nothing under this path"),
        }
    }

    fn status(&self, own: usize) -> StatusDocument {
        let leads = self.leader == Some(own);
        let peer = |(at, (server, _)): (usize, &(String, &str))| PeerStatus {
            server: server.clone(),
            matched: 40 - at as u64,
            lag: at as u64,
            heard_ms_ago: Some(7),
            round_trip_us: Some(180 + at as u64),
        };
        let others = self.members.iter().enumerate().filter(|(at, _)| leads && *at != own);
        StatusDocument {
            server: format!("n{}", own + 1),
            cluster: "00c1".into(),
            version: "0.1.0".into(),
            pid: 4711,
            uptime_ms: 61_000,
            role: if leads { "leader" } else { "follower" }.into(),
            term: 4,
            leader: self.leader.map(|leader| format!("n{}", leader + 1)),
            commit: 40,
            applied: 39,
            last: 41,
            base: 12,
            members: self.members(),
            waiting: 0,
            keys: self.store.len() as u64,
            read_mode: self.read_mode.into(),
            fsync_p50_us: 850,
            fsync_p99_us: 4_200,
            peers: others.map(peer).collect(),
        }
    }
}
