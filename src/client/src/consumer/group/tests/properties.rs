//! Groups in any order of events: partitions have one owner in each generation, in the end all have
//! one, and nobody commits what another reads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::app::{Plant, Setup};
use super::world::World;

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    Lose(usize),
    Poll(usize),
    Take(usize),
    Finish(usize),
    Read(usize),
    CommitSync(usize),
    CommitAsync(usize),
    Advance(u64),
    Freeze(usize),
    Restart(usize),
    Leave(usize),
    Subscribe(usize, bool),
    Enforce(usize),
    Move,
    Grow,
}

const APPS: usize = 3;

const STRATEGIES: [&[&str]; 4] =
    [&["range"], &["cooperative-sticky"], &["sticky", "range"], &["cooperative-sticky", "range"]];

fn step() -> impl Strategy<Value = Step> {
    let app = || 0..APPS;
    prop_oneof![
        30 => (0..20usize).prop_map(Step::Deliver),
        1 => (0..20usize).prop_map(Step::Lose),
        8 => app().prop_map(Step::Poll),
        8 => app().prop_map(Step::Take),
        8 => app().prop_map(Step::Finish),
        6 => app().prop_map(Step::Read),
        3 => app().prop_map(Step::CommitSync),
        3 => app().prop_map(Step::CommitAsync),
        6 => prop_oneof![Just(100), Just(1_000), Just(4_000), Just(50_000), Just(310_000u64)]
            .prop_map(Step::Advance),
        1 => app().prop_map(Step::Freeze),
        1 => app().prop_map(Step::Restart),
        1 => app().prop_map(Step::Leave),
        2 => (app(), any::<bool>()).prop_map(|(app, both)| Step::Subscribe(app, both)),
        1 => app().prop_map(Step::Enforce),
        1 => Just(Step::Move),
        1 => Just(Step::Grow),
    ]
}

fn apply(world: &mut World, step: &Step) {
    match step {
        Step::Deliver(at) => world.deliver(*at, false),
        Step::Lose(at) => world.deliver(*at, true),
        Step::Poll(app) => world.act(*app, |app, now, effects| app.poll(now, effects)),
        Step::Take(app) => world.take(*app),
        Step::Finish(app) => world.finish(*app),
        Step::Read(app) => world.apps[*app].read(),
        Step::CommitSync(app) => world.act(*app, |app, now, effects| {
            let (offsets, timeout) = (app.positions(), std::time::Duration::from_secs(5));
            app.machine.commit_sync(now, offsets, timeout, effects);
        }),
        Step::CommitAsync(app) => world.act(*app, |app, now, effects| {
            let offsets = app.positions();
            app.machine.commit_async(now, offsets, effects);
        }),
        Step::Advance(ms) => world.advance(*ms),
        Step::Freeze(app) => world.apps[*app].is_frozen ^= true,
        Step::Restart(app) => {
            world.restart(*app);
            world.apps[*app].subscribe(&["a", "b"]);
        }
        Step::Leave(app) => world.act(*app, |app, now, effects| {
            app.machine.leave(now, "the test says so", effects);
            app.reading.clear();
            app.taken = None;
        }),
        Step::Subscribe(app, both) => {
            let topics: &[&str] = if *both { &["a", "b"] } else { &["a"] };
            world.apps[*app].subscribe(topics);
        }
        Step::Enforce(app) => world.act(*app, |app, now, effects| {
            app.machine.enforce_rebalance(now, "the test says so", effects);
        }),
        Step::Move => world.is_moved ^= true,
        Step::Grow => *world.topics.get_mut("b").unwrap() += 1,
    }
}

fn check(strategy: usize, is_static: bool, plant: Plant, steps: &[Step]) {
    let mut world = World::new(&[("a", 3), ("b", 2)]);
    for app in 0..APPS {
        let instance_id = (is_static && app == 0).then(|| "i".to_owned());
        let auto_commit = app != 1;
        let setup = Setup { strategies: STRATEGIES[strategy], instance_id, auto_commit, plant };
        world.add(["ann", "bob", "cid"][app], setup);
        world.apps[app].subscribe(&["a", "b"]);
    }
    for step in steps {
        apply(&mut world, step);
        world.check_owners();
    }
    // Everybody is well from here on.
    world.is_moved = false;
    for app in &mut world.apps {
        app.is_frozen = false;
        app.subscribe(&["a", "b"]);
    }
    world.run(400);
    world.check_owners();
    let mut all: Vec<String> =
        world.apps.iter().flat_map(|it| it.owned()).map(ToString::to_string).collect();
    all.sort();
    let expected: Vec<String> = (0..3)
        .map(|it| format!("a-{it}"))
        .chain((0..world.topics["b"]).map(|it| format!("b-{it}")))
        .collect();
    assert_eq!(all, expected, "in the end each partition is read");
    for app in &world.apps {
        assert!(!app.machine.membership().is_rebalancing(), "{} is done", app.name);
        assert!(app.machine.commits().is_idle(), "{} waits for no commit", app.name);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..120)
}

proptest! {
    #![proptest_config(Config { cases: 400, ..Config::default() })]

    #[test]
    fn partitions_have_one_owner_and_commits_are_theirs(
        strategy in 0..STRATEGIES.len(),
        is_static in any::<bool>(),
        steps in steps(),
    ) {
        check(strategy, is_static, Plant::Nothing, &steps);
    }
}

/// What the checks say of a planted bug, within as many groups as are looked at for real ones.
fn found(plant: Plant, strategy: usize) -> Option<String> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    for _ in 0..400 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let run = catch_unwind(AssertUnwindSafe(|| check(strategy, false, plant, &steps)));
        if let Err(panic) = run {
            return Some(panic.downcast_ref::<String>().cloned().unwrap_or_default());
        }
    }
    None
}

#[test]
fn planted_bugs_are_found() {
    let plants = [(Plant::KeepsReading, 0), (Plant::GivesAtOnce, 1), (Plant::CommitsWhatIsGone, 0)];
    for (plant, strategy) in plants {
        let said = found(plant, strategy).unwrap_or_else(|| panic!("{plant:?} is not found"));
        let is_meant =
            ["both read", "former owner", "goes back"].iter().any(|it| said.contains(it));
        assert!(is_meant, "{plant:?}: {said}");
    }
}
