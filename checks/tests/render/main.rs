mod stories;
use raftlab_checks::render::*;
#[test]
fn dump() {
    for (name, story) in [
        ("short", stories::short()),
        ("long", stories::long()),
        ("walk", stories::walk(stories::WIDE, 300, 7)),
    ] {
        let o = Options { title: format!("A {name} story: what the pictures of <raftlab> look like"), why: "the quorums {n1,n2} and {n1,n3} share n1, which voted twice in term 1 (and this sentence goes on for long enough to be wrapped into a second line of the red box & more)".into(), ..Options::default() };
        for f in Format::ALL {
            let t = std::time::Instant::now();
            let s = render(&story, &o, f);
            println!("{name} {f} {} bytes {:?}", s.len(), t.elapsed());
            std::fs::write(format!("/tmp/r/{name}.{f}"), s).unwrap();
        }
    }
}
