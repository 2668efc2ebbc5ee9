//! Runs that never ran: directories such as a live run leaves, written by code from a script of faults and roles.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

/// Where the monotonic clock stood when a run began.
pub const START_US: u64 = 7_000_000_000;
/// Where the wall clock stood.
pub const START_UNIX_US: u64 = 1_790_000_000_000_000;
/// Between two samples of a server.
const EVERY_MS: u64 = 200;

/// A script, and what it comes to in files.
pub struct Scene {
    pub seconds: u64,
    pub servers: Vec<&'static str>,
    pub faults: Vec<Value>,
    pub events: Vec<Value>,
    pub fired: BTreeMap<&'static str, Vec<(&'static str, u64)>>,
    /// Does the supervisor end it in order?
    pub is_ended: bool,
    /// When servers joined that were not there at the start, in milliseconds.
    pub joined: BTreeMap<&'static str, u64>,
    terms: BTreeMap<&'static str, u64>,
    roles: BTreeMap<&'static str, &'static str>,
}

impl Scene {
    pub fn new(servers: &[&'static str], seconds: u64) -> Scene {
        Scene {
            seconds,
            servers: servers.to_vec(),
            faults: Vec::new(),
            events: Vec::new(),
            fired: BTreeMap::new(),
            is_ended: true,
            joined: BTreeMap::new(),
            terms: BTreeMap::new(),
            roles: BTreeMap::new(),
        }
    }

    /// Something is done to the cluster.
    pub fn fault(&mut self, at_ms: u64, verb: &str, server: Option<&str>, text: &str) {
        let mut fault =
            json!({"at_us": us(at_ms), "unix_us": unix(at_ms), "verb": verb, "server": server, "text": text});
        if verb == "kill" {
            fault["incarnation"] = json!(3);
        }
        self.faults.push(fault);
    }

    /// A server sleeps.
    pub fn pause(&mut self, at_ms: u64, server: &str, ms: u64) {
        self.fault(at_ms, "pause", Some(server), &format!("pause {server} {ms}ms"));
        if let Some(fault) = self.faults.last_mut() {
            fault["until_us"] = json!(us(at_ms + ms));
        }
    }

    /// A server becomes something.
    pub fn role(&mut self, at_ms: u64, server: &'static str, role: &'static str, term: u64) {
        let (was, before) =
            (self.roles.get(server).unwrap_or(&"follower"), self.terms.get(server).unwrap_or(&0));
        let text = format!("{was} in term {before} ⇨ {role}");
        self.event(at_ms, server, term, "role", &text);
        self.roles.insert(server, role);
        self.terms.insert(server, term);
    }

    /// A leader is elected: it stands, wins, and the others hear of it.
    pub fn elect(&mut self, at_ms: u64, leader: &'static str, term: u64, others: &[&'static str]) {
        self.role(at_ms, leader, "candidate", term);
        self.role(at_ms + 45, leader, "leader", term);
        self.event(at_ms + 45, leader, term, "leader", &format!("{leader} leads"));
        for (at, server) in others.iter().enumerate() {
            let at_ms = at_ms + 50 + 3 * at as u64;
            self.role(at_ms, server, "follower", term);
            self.event(at_ms, server, term, "leader", &format!("{leader} leads"));
        }
    }

    pub fn event(&mut self, at_ms: u64, server: &str, term: u64, kind: &str, text: &str) {
        self.events.push(json!({
            "at_us": us(at_ms), "unix_us": unix(at_ms), "server": server, "term": term, "kind": kind, "text": text,
        }));
    }

    /// Writes the directory anew.
    pub fn write(&self, name: &str) -> PathBuf {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("evidence").join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("journals")).expect("a directory can be made");
        let put = |name: &str, text: String| fs::write(dir.join(name), text).expect("a file can be written");
        put("run.json", self.run_document().to_string() + "\n");
        put("faults.jsonl", lines(&self.faults));
        put("events.jsonl", lines(&self.events));
        let (samples, load) = self.samples_and_load();
        put("samples.jsonl", lines(&samples));
        put("load.jsonl", lines(&load));
        put("history.jsonl", lines(&[json!({"operation": "put"}), json!({"operation": "get"})]));
        put("fired.json", self.fired_document().to_string() + "\n");
        put("metrics.prom", "raftlab_has_leader{instance=\"n1\"} 1\n# EOF\n".into());
        for server in &self.servers {
            put(&format!("journals/{server}-1.journal"), "inputs and effects".into());
            put(&format!("{server}.log"), format!("INFO {server} starts\nINFO {server} ends\n"));
        }
        dir
    }

    fn run_document(&self) -> Value {
        let server = |(at, server): (usize, &&str)| {
            json!({"server": server, "peer": format!("127.0.0.1:{}", 7001 + at),
                   "http": format!("127.0.0.1:{}", 9001 + at), "data_dir": format!("run/{server}")})
        };
        let ended = self.is_ended.then(|| us(self.seconds * 1000));
        json!({
            "schema": "raftlab-run/1", "on": "udp", "command": "lab up --nodes 3", "seed": 7, "started_at_us": us(0),
            "started_unix_us": START_UNIX_US, "ended_at_us": ended,
            "node_flags": ["--read-mode", "index", "--election-timeout", "1s"],
            "servers": self.servers.iter().enumerate().map(server).collect::<Vec<_>>(),
        })
    }

    fn fired_document(&self) -> Value {
        let counts = |counts: &Vec<(&str, u64)>| {
            counts.iter().map(|(fault, fired)| json!({"fault": fault, "fired": fired})).collect::<Vec<_>>()
        };
        self.fired.iter().map(|(server, own)| (server.to_string(), Value::from(counts(own)))).collect()
    }

    /// What samples and clients show of the script: all of one world, so that they agree.
    fn samples_and_load(&self) -> (Vec<Value>, Vec<Value>) {
        let mut world = World::new(self);
        let (mut samples, mut load) = (Vec::new(), Vec::new());
        for tick in 1..=self.seconds * 1000 / EVERY_MS {
            let at_ms = tick * EVERY_MS;
            world.advance(at_ms);
            for server in &self.servers {
                if self.joined.get(server).is_none_or(|joined| *joined <= at_ms) {
                    samples.push(world.sample(at_ms, server));
                }
            }
            if at_ms.is_multiple_of(1000) {
                load.push(world.load(at_ms));
            }
        }
        (samples, load)
    }
}

/// How a server of the script stands.
#[derive(Clone, Default)]
struct Standing {
    is_down: bool,
    role: &'static str,
    term: u64,
    commit: u64,
    since_ms: u64,
    cpu: f64,
    memory: f64,
    rejected: u64,
    slow_ms: u64,
}

struct World<'a> {
    scene: &'a Scene,
    dice: ChaCha8Rng,
    servers: BTreeMap<String, Standing>,
    leader: Option<String>,
    commit: u64,
    /// What clients came to since the last line: done, failed, unknown.
    second: (u64, u64, u64),
    now_ms: u64,
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene) -> World<'a> {
        let start = Standing { role: "follower", memory: 14.0, ..Standing::default() };
        let servers = scene.servers.iter().map(|server| (server.to_string(), start.clone())).collect();
        let dice = ChaCha8Rng::seed_from_u64(7);
        World { scene, dice, servers, leader: None, commit: 0, second: (0, 0, 0), now_ms: 0 }
    }

    /// A number from 0 up to 1.
    fn draw(&mut self) -> f64 {
        f64::from(self.dice.next_u32()) / f64::from(u32::MAX)
    }

    fn advance(&mut self, to_ms: u64) {
        let due = |value: &&Value| {
            let at = value["at_us"].as_u64().expect("a time");
            at > us(self.now_ms) && at <= us(to_ms)
        };
        let faults: Vec<Value> = self.scene.faults.iter().filter(due).cloned().collect();
        let events: Vec<Value> = self.scene.events.iter().filter(due).cloned().collect();
        self.now_ms = to_ms;
        for fault in faults {
            self.strike(&fault, to_ms);
        }
        for event in events.iter().filter(|event| event["kind"] == "role") {
            self.become_role(event);
        }
        self.work();
    }

    fn strike(&mut self, fault: &Value, at_ms: u64) {
        let named = fault["server"].as_str().map(str::to_string);
        for (name, own) in &mut self.servers {
            if named.as_ref().is_some_and(|named| named != name) {
                continue;
            }
            match fault["verb"].as_str().expect("a verb") {
                "kill" | "stop" => {
                    own.is_down = true;
                    if self.leader.as_ref() == Some(name) {
                        self.leader = None;
                    }
                }
                "start" => {
                    let (term, slow_ms) = (own.term, own.slow_ms);
                    *own = Standing {
                        role: "follower",
                        memory: 14.0,
                        since_ms: at_ms,
                        term,
                        slow_ms,
                        ..Standing::default()
                    };
                }
                "disk" => own.slow_ms = 40,
                "heal" => own.slow_ms = 0,
                "pause" | "link" if self.leader.as_ref() == Some(name) && takes_away(fault, name) => {
                    self.leader = None;
                }
                _ => {}
            }
        }
    }

    fn become_role(&mut self, event: &Value) {
        let name = event["server"].as_str().expect("a server").to_string();
        let text = event["text"].as_str().expect("a text");
        let roles = ["follower", "pre-candidate", "candidate", "leader"];
        let role = roles.into_iter().find(|role| text.ends_with(&format!("⇨ {role}"))).expect("a role");
        if role == "leader" {
            self.leader = Some(name.clone());
        }
        if let Some(own) = self.servers.get_mut(&name) {
            (own.role, own.term) = (role, event["term"].as_u64().expect("a term"));
        }
    }

    /// A tick of clients' and servers' work.
    fn work(&mut self) {
        let slow = self.leader.as_ref().map_or(0, |leader| self.servers[leader].slow_ms);
        let rate = if slow > 0 { 60.0 } else { 820.0 };
        let noise = 0.9 + 0.2 * self.draw();
        if self.leader.is_some() {
            let done = whole(rate * noise);
            self.second.0 += done;
            self.commit += done;
        } else {
            let (failed, unknown) = (self.draw() * 18.0, self.draw() * 6.0);
            self.second.1 += whole(failed);
            self.second.2 += whole(unknown);
        }
        let (commit, leader) = (self.commit, self.leader.clone());
        let dice: Vec<f64> = (0..self.servers.len()).map(|_| self.draw()).collect();
        for ((name, own), dice) in self.servers.iter_mut().zip(dice) {
            let is_leader = leader.as_ref() == Some(name);
            if own.is_down {
                continue;
            }
            own.cpu += if is_leader { 0.085 } else { 0.04 } * (0.7 + 0.6 * dice);
            own.memory += if own.memory > 31.0 { -9.0 } else { 0.05 + 0.08 * dice };
            if self.now_ms > own.since_ms + 500 {
                own.commit = commit;
            }
            if is_leader && slow > 0 {
                own.rejected += whole(dice * 9.0);
            }
        }
    }

    fn sample(&mut self, at_ms: u64, server: &str) -> Value {
        let (first, second, third) = (self.draw(), self.draw(), self.draw());
        let own = self.servers[server].clone();
        if own.is_down || at_ms < own.since_ms + EVERY_MS {
            return json!({"at_us": us(at_ms), "server": server, "reachable": false});
        }
        let sync = 800.0 + 500.0 * first + 1000.0 * f64::from(u32::try_from(own.slow_ms).expect("small"));
        let is_leader = self.leader.as_deref() == Some(server);
        let pending = if is_leader { 4.0 + 12.0 * second + sync / 800.0 } else { 0.0 };
        json!({
            "at_us": us(at_ms), "server": server, "reachable": true, "role": own.role, "term": own.term,
            "leader": self.leader, "commit": own.commit, "applied": own.commit, "last": own.commit + 3, "base": 0,
            "pending": whole(pending), "rejected": own.rejected, "fsync_p50_us": whole(sync),
            "fsync_p99_us": whole(sync * (2.0 + 3.0 * third)), "quorum_age_s": 0.05, "max_lag": 2,
            "cpu_seconds": own.cpu, "rss_bytes": whole(own.memory * 1024.0 * 1024.0), "config_index": 0,
            "voters": ["n1", "n2", "n3"],
        })
    }

    fn load(&mut self, at_ms: u64) -> Value {
        let (done, failed, unknown) = std::mem::take(&mut self.second);
        let noise = 0.8 + 0.4 * self.draw();
        let rough = if unknown > 0 { 900.0 } else { 4.0 };
        let p50 = (done > 0).then_some(if done < 600 { 46_000.0 } else { 1700.0 } * noise);
        json!({
            "at_us": us(at_ms), "done": done, "failed": failed, "unknown": unknown, "p50_us": p50,
            "p99_us": p50.map(|p50| p50 * rough * noise),
        })
    }
}

/// Does a fault take a leader from its followers?
fn takes_away(fault: &Value, leader: &str) -> bool {
    let text = fault["text"].as_str().expect("a text");
    ["pause", "isolate", "partition"].iter().any(|verb| text.starts_with(&format!("{verb} {leader}")))
}

/// A moment of the monotonic clock.
pub fn us(at_ms: u64) -> u64 {
    START_US + at_ms * 1000
}

fn unix(at_ms: u64) -> u64 {
    START_UNIX_US + at_ms * 1000
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
fn whole(value: f64) -> u64 {
    value as u64
}

/// A file of lines.
pub fn lines(lines: impl IntoIterator<Item = impl Display>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}
