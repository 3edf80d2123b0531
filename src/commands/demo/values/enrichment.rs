//! A stream made of another: page views with what their page is about.

use jiff::Timestamp;
use kt_client::Random;

use super::page_views::PageViews;
use super::{Event, Values};

/// A page view, enriched: its object with two more fields. None if it is no page view.
pub(in super::super) fn enriched(page_view: &str) -> Option<String> {
    let fields = page_view.strip_suffix('}')?;
    let (_, page) = fields.split_once(r#""page":"/"#)?;
    let (page, _) = page.split_once('"')?;
    let section = match page.split(['/', '?']).next()? {
        "" => "home",
        "cart" | "checkout" => "purchase",
        section => section,
    };
    let is_bot = fields.contains(r#""agent":"bot""#);
    Some(format!(r#"{fields},"section":"{section}","is_bot":{is_bot}}}"#))
}

/// What the pipeline wrote before the demo began.
pub(in super::super) struct EnrichedViews(PageViews);

impl EnrichedViews {
    pub(in super::super) fn new(random: Random) -> EnrichedViews {
        EnrichedViews(PageViews::new(random))
    }
}

impl Values for EnrichedViews {
    fn next(&mut self, at: Timestamp) -> Event {
        let event = self.0.next(at);
        let value = event.value.as_deref().and_then(enriched);
        Event { value, ..event }
    }
}

#[cfg(test)]
mod tests {
    use super::super::first;
    use super::*;

    #[test]
    fn a_view_gets_a_section_and_all_else_is_none() {
        let view = r#"{"visitor":"v0001","page":"/tea/assam-250g","agent":"bot","took_ms":7}"#;
        insta::assert_snapshot!(enriched(view).unwrap(), @r#"{"visitor":"v0001","page":"/tea/assam-250g","agent":"bot","took_ms":7,"section":"tea","is_bot":true}"#);
        let section = |page: &str| enriched(&format!(r#"{{"page":"{page}"}}"#));
        let told = ["/", "/cart", "/search?q=kettle"].map(|it| section(it).unwrap());
        insta::assert_snapshot!(told.join("\n"), @r#"
        {"page":"/","section":"home","is_bot":false}
        {"page":"/cart","section":"purchase","is_bot":false}
        {"page":"/search?q=kettle","section":"search","is_bot":false}
        "#);
        for other in ["", "{}", "tea", r#"{"page":"tea"}"#, r#"{"page":"/tea}"#] {
            assert_eq!(enriched(other), None, "{other}");
        }
    }

    #[test]
    fn every_view_of_the_demo_is_enriched() {
        let events = first(&mut EnrichedViews::new(Random::new(1)), 500);
        assert!(events.iter().all(|it| it.value.is_some()));
    }
}
