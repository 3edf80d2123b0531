//! Activity tracking: who looked at which page.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values, one_of};

const PAGES: [&str; 9] = [
    "/",
    "/",
    "/tea",
    "/coffee",
    "/tea/assam-250g",
    "/coffee/huila-500g",
    "/cart",
    "/checkout",
    "/search?q=kettle",
];

/// Views of a shop's pages, by visitor.
pub(in super::super) struct PageViews {
    random: Random,
}

impl PageViews {
    pub(in super::super) fn new(random: Random) -> PageViews {
        PageViews { random }
    }
}

impl Values for PageViews {
    fn next(&mut self, at: Timestamp) -> Event {
        let random = &mut self.random;
        // A few visitors look at much: the product of two chances.
        let visitor = random.below(400) * random.below(400) / 400;
        let page = one_of(random, &PAGES);
        let agent = one_of(random, &["firefox", "chrome", "chrome", "safari", "bot"]);
        let country = one_of(random, &["de", "de", "at", "ch", "fr", "nl"]);
        let took = 20 + random.below(180);
        let value = format!(
            r#"{{"visitor":"v{visitor:04}","page":"{page}","agent":"{agent}","country":"{country}","took_ms":{took},"at":"{at:.3}"}}"#
        );
        Event::new(Some(format!("v{visitor:04}")), value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn views_look_like_views() {
        let events = first(&mut PageViews::new(Random::new(1)), 3);
        insta::assert_snapshot!(shown(&events), @r#"
        v0168 {"visitor":"v0168","page":"/search?q=kettle","agent":"chrome","country":"at","took_ms":157,"at":"2026-11-21T01:14:07.000Z"}
        v0182 {"visitor":"v0182","page":"/tea","agent":"safari","country":"at","took_ms":128,"at":"2026-11-21T01:14:08.000Z"}
        v0095 {"visitor":"v0095","page":"/coffee","agent":"firefox","country":"ch","took_ms":166,"at":"2026-11-21T01:14:09.000Z"}
        "#);
    }
}
