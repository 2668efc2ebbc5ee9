//! Who belongs to the cluster, and who leads it.

use std::time::{Duration, Instant};

use raftlab_core::NodeId;

use super::args::{AddArgs, Common, MemberVerb};
use super::failure::Failure;
use super::output::Output;
use crate::api::{MemberRequest, Members};
use crate::client::{self, Client, Server, endpoints};

/// How often it is looked whether a learner has caught up, or another server leads.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Lists members, or changes one.
pub async fn member(verb: MemberVerb, common: &Common, output: &Output) -> Result<(), Failure> {
    let members = match verb {
        MemberVerb::List => {
            super::endpoint::members_of(&endpoints(&common.endpoints)?, common.timeout).await?
        }
        MemberVerb::Add(args) => add(&args, common, output).await?,
        MemberVerb::Promote(args) => {
            change(common, MemberRequest::Promote { server: args.server.to_string() }).await?
        }
        MemberVerb::Demote(args) => {
            change(common, MemberRequest::Demote { server: args.server.to_string() }).await?
        }
        MemberVerb::Remove(args) => {
            change(common, MemberRequest::Remove { server: args.server.to_string() }).await?
        }
    };
    print(&members, output)
}

async fn change(common: &Common, request: MemberRequest) -> Result<Members, Failure> {
    Ok(super::client(common, false)?.change(&request).await?)
}

fn print(members: &Members, output: &Output) -> Result<(), Failure> {
    let address = |address: Option<std::net::SocketAddr>| {
        address.map_or("unknown".to_string(), |address| address.to_string())
    };
    let rows: Vec<_> = members
        .members
        .iter()
        .map(|member| {
            vec![member.server.clone(), member.standing.clone(), address(member.peer), address(member.http)]
        })
        .collect();
    output.rows(
        "raftlab-members/1",
        members,
        &["server", "standing", "for servers", "for clients"],
        &rows,
    )?;
    output.note(&format!(
        "{} acknowledgements commit an entry: {} voters may fail",
        members.quorum, members.tolerates
    ));
    Ok(())
}

/// Adds a server as a learner, and makes it a voter when it has caught up.
async fn add(args: &AddArgs, common: &Common, output: &Output) -> Result<Members, Failure> {
    let mut client = super::client(common, false)?;
    let server = args.server.to_string();
    let request = MemberRequest::AddLearner { server: server.clone(), peer: args.peer, http: args.http };
    let members = match client.change(&request).await {
        Ok(members) => members,
        // It may have been done all the same, or by an earlier call that did not live to promote it.
        Err(failure) => match seen(&client, common).await {
            Some(members) if standing(&members, &server) == Some("learner") && !is_final(&failure, args) => {
                output.note(&format!("{server} is a learner already"));
                members
            }
            _ => return Err(failure.into()),
        },
    };
    if args.learner {
        return Ok(members);
    }
    output.note(&format!("{server} is a learner, and becomes a voter when it has caught up"));
    promote_when_caught_up(&mut client, &server, args.wait, common).await
}

/// That a learner which is only to be one is refused, since it is one, is for the caller to know.
fn is_final(failure: &client::Failure, args: &AddArgs) -> bool {
    args.learner && matches!(failure, client::Failure::NotDone(_))
}

/// What a leader refuses while a server is a learner, it refuses for now only: it lacks entries, or another change, or
/// the leader's own first entry, is not committed yet.
async fn promote_when_caught_up(
    client: &mut Client,
    server: &str,
    wait: Duration,
    common: &Common,
) -> Result<Members, Failure> {
    let deadline = Instant::now() + wait;
    let request = MemberRequest::Promote { server: server.to_string() };
    loop {
        let failure = match client.change(&request).await {
            Ok(members) => return Ok(members),
            Err(failure) => failure,
        };
        let members = seen(client, common).await;
        match members.as_ref().and_then(|members| standing(members, server)) {
            Some("voter") => return members.ok_or_else(|| failure.into()),
            Some(_) if Instant::now() < deadline => tokio::time::sleep(LOOKS_EVERY).await,
            Some(_) => {
                return Err(Failure::Later(format!(
                    "{server} stays a learner, since it could not be made a voter within {} s ({}): `ctl member promote \
                     {server}` tries again",
                    wait.as_secs_f64(),
                    failure.reason()
                )));
            }
            None => return Err(failure.into()),
        }
    }
}

/// The members, by whom the client takes for the leader.
async fn seen(client: &Client, common: &Common) -> Option<Members> {
    Server::new(client.server(), common.timeout).members().await.ok()
}

fn standing<'a>(members: &'a Members, server: &str) -> Option<&'a str> {
    let member = members.members.iter().find(|member| member.server == server);
    member.map(|member| member.standing.as_str())
}

/// Lets another server lead, and waits until it does.
pub async fn move_leader(to: NodeId, common: &Common, output: &Output) -> Result<(), Failure> {
    let mut client = super::client(common, false)?;
    let to = to.to_string();
    let members = client.change(&MemberRequest::MoveLeader { to: to.clone() }).await?;
    // Who leads knows it first.
    let asked = members.members.iter().find(|member| member.server == to).and_then(|member| member.http);
    let mut server = Server::new(asked.unwrap_or(client.server()), common.timeout);
    let deadline = Instant::now() + common.timeout;
    loop {
        let status = server.status().await;
        if let Ok(status) = &status
            && status.leader.as_ref() == Some(&to)
        {
            let text = format!("{to} leads in term {}", status.term);
            let document = serde_json::json!({ "leader": to, "term": status.term });
            return output.text("raftlab-move-leader/1", document, &text);
        }
        if Instant::now() >= deadline {
            return Err(match status {
                Ok(_) => Failure::Later(format!(
                    "{to} was told to lead, and did not within {} s",
                    common.timeout.as_secs_f64()
                )),
                Err(reason) => reason.into(),
            });
        }
        tokio::time::sleep(LOOKS_EVERY.min(common.timeout)).await;
    }
}
