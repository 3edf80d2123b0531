//! Where keys lead: what is sought is there and in sight, whatever was kept on the screen before.

use crate::tui::model::listing::List as _;
use crate::tui::model::msg::Msg;
use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::topic::Standing;
use crate::tui::stage::{Stage, Town};

fn title(stage: &mut Stage) -> String {
    stage.body().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn an_offline_internal_topic_is_found_from_the_overview() {
    let mut town = Town::small();
    town.add("__consumer_offsets", 3, 0);
    town.topics.get_mut("__consumer_offsets").unwrap().offline.insert(1);
    let mut stage = Stage::settled(town, 80, 24);
    // A filter was kept there, and a cursor.
    stage.type_keys("2/pay<Enter>");
    insta::assert_snapshot!(title(&mut stage), @" topics  1 of 2   1 bad (1 internal)               /pay  sort level, name  live");
    stage.type_keys("<Esc>1j<Enter>");
    assert_eq!(stage.app.screen, Screen::Topics);
    let list = &stage.app.pages.topics.list;
    assert_eq!(list.subject(), Some("__consumer_offsets"));
    assert_eq!(list.names(), ["__consumer_offsets"]);
    stage.type_keys("2/pay<Enter>1<Enter>");
    assert_eq!(stage.app.pages.topics.list.subject(), Some("__consumer_offsets"));
}

#[test]
fn what_is_sought_stands_in_the_first_pane() {
    let mut town = Town::small();
    town.of_broker.insert(2, 0.87);
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("7<Tab>1jjj<Enter>");
    assert_eq!((stage.app.screen, stage.app.pages.log_dirs.pane), (Screen::LogDirs, 0));
    assert_eq!(stage.app.pages.log_dirs.dirs.subject(), Some("2 /data/kafka-0"));
}

#[test]
fn a_broker_leads_to_its_directories() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("4jj<Enter>");
    assert_eq!(stage.app.screen, Screen::LogDirs);
    assert_eq!(stage.app.pages.log_dirs.dirs.subject(), Some("3 /data/kafka-0"));
    stage.type_keys(":dirs 2<Enter>");
    assert_eq!(stage.app.pages.log_dirs.dirs.subject(), Some("2 /data/kafka-0"));
    // Where nobody has told them yet, the cursor goes there when somebody does, unless the user has
    // gone elsewhere meanwhile.
    for (keys, expected) in [("", "3 /data/kafka-0"), ("j", "2 /data/kafka-0")] {
        let mut town = Town::small();
        town.mute.insert((Kind::LogDirs, 3));
        let mut stage = Stage::settled(town, 80, 24);
        stage.type_keys("4jj<Enter>");
        stage.type_keys(keys);
        stage.town.mute.clear();
        stage.pass(200_000);
        assert_eq!(stage.app.pages.log_dirs.dirs.subject(), Some(expected));
    }
    let mut stage = Stage::open(Town::small(), 80, 24);
    stage.app.go(&Target::named(Screen::LogDirs, Some("3")).unwrap());
    stage.pass(5_000);
    assert_eq!(stage.app.pages.log_dirs.dirs.subject(), Some("3 /data/kafka-0"));
}

#[test]
fn a_controller_leads_to_the_quorum_and_a_node_of_it_to_its_details() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("4jjjj<Enter>");
    assert_eq!(stage.app.screen, Screen::Quorum);
    assert_eq!(stage.app.pages.quorum.list.subject(), Some("102"));
    stage.type_keys("<Enter>");
    assert!(stage.shown().contains("role: voter"), "{}", stage.shown());
}

#[test]
fn the_mark_of_what_is_well_stands_beside_what_is_well() {
    let mut stage = Stage::settled(Town::troubled(), 40, 8);
    stage.type_keys("jjjjj");
    insta::assert_snapshot!(stage.shown(), @"
     prod-eu  BAD 2 WARN 2               7s
     overview
       check      now
     · quorum     leader 101  epoch 42  …
     ▲ disk       fullest 87%
     ▲ groups     2 warn  3 unknown  of 8
    >· moves      none
     Enter open  x faults  ! alerts  ? help
    ");
}

#[test]
fn one_broker_that_tells_no_groups_hides_no_others() {
    let mut town = Town::small();
    town.join("audit", "orders", 0, 100);
    town.mute.insert((Kind::Groups, 3));
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("3");
    insta::assert_snapshot!(stage.body(), @"
     groups  2                                               sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >  audit               c Stable     …  4806↑   ~10s    600 never   6d23h ok
       billing             c Stable     …  4806↑   ~10s    600 never   6d23h ok
    ");
    stage.type_keys("<Enter>");
    assert_eq!(stage.app.pages.group.standing, Standing::Here);
    stage.go(&Target::about(Screen::Group, About::Group("elsewhere".to_owned())));
    insta::assert_snapshot!(stage.body(), @"
    elsewhere
      No broker that tells its groups knows elsewhere.
      Not told: broker 3: connection refused (the advertised address of broker 3)
    ");
}

#[test]
fn a_group_whose_end_may_not_be_known_is_not_well() {
    let mut town = Town::small();
    town.join("audit", "payments", 0, 20);
    town.endless.insert("orders".to_owned());
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("3");
    insta::assert_snapshot!(stage.body(), @"
     groups  2   1 unknown                                   sort level, late  live
       group               t state    mbr    lag   late read/s   eta expires verdict
    >  audit               c Stable     …   480↑   ~10s     60 never   6d23h ok
     ? billing             c Stable     …     ?       …    600     …       – denied
    ");
    stage.type_keys("xd");
    insta::assert_snapshot!(stage.shown().lines().find(|it| it.contains("failure")).unwrap(), @" failure: TOPIC_AUTHORIZATION_FAILED from ListOffsets for orders-0");
}

#[test]
fn a_group_on_its_way_to_another_coordinator_is_not_gone() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.go(&Target::about(Screen::Group, About::Group("billing".to_owned())));
    let mut seen = Vec::new();
    stage.town.unlisted.insert("billing".to_owned());
    for _ in 0..40 {
        stage.pass(250);
        let is_listed = stage.app.watch.cluster.groups.contains_key("billing");
        seen.push((is_listed, stage.app.pages.group.standing));
        if !is_listed {
            break;
        }
    }
    stage.pass(1_000);
    assert!(!stage.app.watch.cluster.groups.contains_key("billing"), "{seen:?}");
    assert_eq!(stage.app.pages.group.standing, Standing::Here);
    stage.town.unlisted.clear();
    stage.town.moved.insert("billing".to_owned(), 2);
    for _ in 0..40 {
        stage.pass(500);
        assert_eq!(stage.app.pages.group.standing, Standing::Here);
    }
    assert!(stage.app.watch.cluster.groups.contains_key("billing"));
    stage.town.groups.remove("billing");
    stage.pass(25_000);
    assert_eq!(stage.app.pages.group.standing, Standing::Deleted);
}

#[test]
fn what_is_typed_is_seen_with_its_cursor() {
    let mut stage = Stage::settled(Town::small(), 60, 16);
    let long = "abcdefghij".repeat(8);
    for (keys, line) in
        [(format!("2/{long}"), 14), (format!("<Esc>@{long}"), 14), (format!("<Esc>:{long}"), 15)]
    {
        stage.type_keys(&keys);
        let shown = stage.shown();
        let shown = shown.lines().nth(line).unwrap();
        assert!(shown.ends_with("efghijabcdefghij"), "{shown}");
    }
    // The smallest windows have the last line for it.
    stage.type_keys("<Esc>");
    stage.tell(Msg::Resize(30, 6));
    stage.type_keys("/paym");
    assert!(stage.shown().ends_with("\n /paym"), "{}", stage.shown());
    stage.type_keys("<Esc>uprod");
    assert!(stage.shown().ends_with("type its name: prod_"), "{}", stage.shown());
    stage.type_keys("<Esc>:grou");
    insta::assert_snapshot!(stage.shown(), @"
     OK                        2s

    >groups
     group                 NAME
     groups reset          GROUP
     :grou
    ");
    stage.type_keys("<Esc>d");
    assert!(stage.shown().contains("Esc closes"), "{}", stage.shown());
}

#[test]
fn help_names_keys_that_do_something_in_any_glyphs() {
    use crate::tui::view::theme::{Glyphs, Theme};
    let mut stage = Stage::settled(Town::small(), 80, 50);
    stage.type_keys("6?");
    let shown = stage.in_theme(Theme { glyphs: Glyphs::Ascii, ..Theme::default() });
    insta::assert_snapshot!(shown, @"
    prod-eu      OK            brk 3/3     ctl 101 MkU3~M2Qk PROTECTED          2s
    1 over 2 topics 3 groups 4 brokers 5 quorum[6 moves]7 dirs 8 configs 9 alerts
    moves  0 of 0                                                 sort level, name
      finished in this session: 0
      partition            from    to      done                  left     B/s   eta
      No partition moves.








    + keys of reassignments -----------------------------------------------------+
    | this screen               move                  everywhere                 |
    | Enter   topic             j Down  row           :       command or screen  |
    | s       sort              k Up    row back      /       filter             |
    | S       reverse           g Home  first         f       freeze             |
    | x       faults only       G End   last          r       refresh            |
    | w       wide              ^D      half page     !       alerts             |
    | Space   mark              ^U      half page ba~ -       last               |
    | *       mark all          PgDn    page          T       theme              |
    | d       details           PgUp    page back     m       mouse              |
    | a       undo              h Left  column back   y       copy               |
    | a u     undo last change~ l Right column        Y       kt line            |
    |                                                 o       save screen        |
    |                                                 u       unlock             |
    |                                                 Esc     back               |
    |                                                 ?       help               |
    |                                                 q       quit               |
    |                                                 ^C      quit at once       |
    |                                                 ^Z      suspend            |
    | cost 2.9 req/s 1.8KiB/s  history 0 of 64MiB  log ends every 5s             |
    +- Esc closes, j k scroll ---------------------------------------------------+














    Enter topic  s sort  a undo  Y kt line  ? help  q quit
    ");
}

#[test]
fn what_lies_above_records_is_their_topic() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let topic = |stage: &Stage| stage.app.pages.topic.name.clone();
    stage.go(&Target::about(Screen::Topic, About::Topic("payments".to_owned())));
    stage.type_keys("3<Enter><Enter>");
    assert_eq!(stage.app.screen, Screen::Records);
    stage.type_keys("<Esc>");
    assert_eq!((stage.app.screen, topic(&stage).as_str()), (Screen::Topic, "orders"));
    // As it was left, if it is the same.
    stage.type_keys("<Tab><Tab><Tab>");
    let left = stage.app.pages.topic.pane;
    stage.type_keys("<Enter><Esc>");
    assert_eq!((topic(&stage).as_str(), stage.app.pages.topic.pane), ("orders", left));
    // Whatever was opened before, or nothing.
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys(":records orders<Enter><Esc>");
    assert_eq!((stage.app.screen, topic(&stage).as_str()), (Screen::Topic, "orders"));
}

#[test]
fn a_key_is_about_what_was_under_the_cursor() {
    let mut town = Town::small();
    town.add("aaa", 3, 10);
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("2");
    assert_eq!(stage.app.pages.topics.list.subject(), Some("aaa"));
    // Details of the row that is seen: another that fails meanwhile does not get the cursor.
    stage.type_keys("d<Esc>");
    stage.town.topics.get_mut("payments").unwrap().offline.insert(1);
    stage.pass(45_000);
    assert_eq!(stage.app.pages.topics.list.names()[0], "payments");
    assert_eq!(stage.app.pages.topics.list.subject(), Some("aaa"));
}

#[test]
fn the_cursor_stays_where_its_subject_went() {
    let mut town = Town::small();
    for name in ["a1", "a2", "a3"] {
        town.add(name, 3, 10);
    }
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("2G");
    assert_eq!(stage.app.pages.topics.list.subject(), Some("payments"));
    stage.town.topics.get_mut("payments").unwrap().offline.insert(1);
    stage.pass(45_000);
    assert_eq!(stage.app.pages.topics.list.cursor(), Some(0));
    stage.town.topics.remove("payments");
    stage.pass(30_000);
    assert_eq!(stage.app.pages.topics.list.subject(), Some("a1"));
}

#[test]
fn panes_that_find_no_room_are_left_out() {
    let pane = |stage: &Stage| stage.app.pages.overview.pane as usize;
    let walked = |height: u16| {
        let mut stage = Stage::settled(Town::small(), 80, height);
        let mut panes = vec![pane(&stage)];
        for key in ["<Tab>", "<Tab>", "<Tab>", "<Tab>", "<BackTab>"] {
            stage.type_keys(key);
            panes.push(pane(&stage));
        }
        panes
    };
    assert_eq!(walked(24), [0, 1, 2, 0, 1, 0]);
    assert_eq!(walked(40), [0, 1, 2, 3, 0, 3]);
    assert_eq!(walked(12), [0; 6]);
    let mut stage = Stage::settled(Town::small(), 80, 40);
    stage.type_keys("<BackTab>");
    stage.tell(Msg::Resize(80, 24));
    stage.draw();
    assert_eq!(pane(&stage), 0, "there is a cursor");
}

#[test]
fn columns_go_back_at_once_from_the_last() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.type_keys("2w");
    let wide = |stage: &Stage| stage.app.pages.topics.list.showing.wide.unwrap();
    stage.type_keys(&"l".repeat(40));
    let most = wide(&stage);
    let head = |stage: &mut Stage| stage.body().lines().nth(1).unwrap().to_owned();
    let at_the_end = head(&mut stage);
    assert!(most < 20, "{most}");
    stage.type_keys("h");
    assert_eq!(wide(&stage), most - 1);
    assert_ne!(head(&mut stage), at_the_end);
}
