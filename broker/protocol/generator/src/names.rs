//! Kafka's names as Rust writes them.

/// Rust's keywords among Kafka's field names.
const KEYWORDS: [&str; 4] = ["type", "match", "move", "ref"];

/// `TopicId` as `topic_id`, `KRaftVersion` as `kraft_version`, `Enable2Pc` as `enable2_pc`.
pub(crate) fn snake_case(name: &str) -> String {
    let name = name.replace("KRaft", "Kraft");
    let mut snake = String::with_capacity(name.len() + 8);
    let mut previous_is_upper = true;
    for character in name.chars() {
        let is_upper = character.is_ascii_uppercase();
        if is_upper && !previous_is_upper {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
        previous_is_upper = is_upper;
    }
    snake
}

/// The name of a field in Rust.
pub(crate) fn field_name(name: &str) -> String {
    let snake = snake_case(name);
    if KEYWORDS.contains(&snake.as_str()) { format!("r#{snake}") } else { snake }
}

/// The name of a field in JSON: Kafka's, the first letter small.
pub(crate) fn json_name(name: &str) -> String {
    let mut characters = name.chars();
    match characters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + characters.as_str(),
        None => String::new(),
    }
}
