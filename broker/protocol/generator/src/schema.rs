//! The schema files: messages as lines, one field a line, nested structs indented below it.
//!
//! ```text
//! request 3 MetadataRequest 0-13 flexible 9+ listeners broker
//!   Topics []MetadataRequestTopic 0+ nullable 1+
//!     TopicId uuid 10+ ignorable
//!     Name string 0+ nullable 10+
//!   AllowAutoTopicCreation bool 4+ = true
//!
//! kind     request, response, header, metadata-record, key, value, remote-log-record, data
//! message  kind, key (or -), name, valid versions, then options: flexible V, listeners A,B,
//!          forwardable, cluster-action, latest-unstable, view (a borrowed form is made too)
//! field    name, type, versions, then options: nullable V, tag N V, inflexible, key (the
//!          elements of its array differ in it), ignorable, = default
//! struct   `struct Name` where a field would stand: a struct that several fields use
//! ```

use std::fmt;

use crate::versions::Versions;

/// A message of a schema file. The first struct is the message itself.
#[derive(Debug)]
pub(crate) struct Message {
    /// The schema file's name.
    pub(crate) file: String,
    pub(crate) kind: MessageKind,
    pub(crate) key: Option<i16>,
    pub(crate) name: String,
    pub(crate) valid: Versions,
    pub(crate) flexible: Versions,
    pub(crate) listeners: Vec<String>,
    pub(crate) forwardable: bool,
    pub(crate) cluster_action: bool,
    pub(crate) latest_unstable: bool,
    pub(crate) view: bool,
    pub(crate) structs: Vec<Struct>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Request,
    Response,
    Header,
    MetadataRecord,
    RemoteLogRecord,
    Key,
    Value,
    Data,
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
    /// The versions of the message in which some field has this struct.
    pub(crate) reach: Versions,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) inflexible: bool,
    pub(crate) map_key: bool,
    pub(crate) ignorable: bool,
    pub(crate) default: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint16,
    Uint32,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
    Array(Box<Kind>),
}

/// What is wrong in a schema file.
#[derive(Debug)]
pub(crate) struct SchemaError {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Reads all messages of a schema file.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Message>, SchemaError> {
    let mut messages = Vec::new();
    // The struct that fields of each depth belong to, as an index into the message's structs.
    let mut owners: Vec<usize> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = |reason: String| SchemaError { line: index + 1, reason };
        let words: Vec<&str> = line.split_whitespace().collect();
        let depth = (line.len() - line.trim_start().len()) / 2;
        if words.is_empty() || words[0].starts_with('#') {
            continue;
        }
        if depth == 0 {
            messages.push(parse_message(file, &words).map_err(at)?);
            owners = vec![0];
            continue;
        }
        let message = messages.last_mut().ok_or_else(|| at("a field before a message".into()))?;
        if owners.len() < depth {
            return Err(at("indented too far".into()));
        }
        owners.truncate(depth);
        let (owner, new_struct) = if words[0] == "struct" {
            (None, Some(words[1].to_owned()))
        } else {
            let field = parse_field(&words).map_err(at)?;
            let nested = field.kind.struct_name().map(str::to_owned);
            (Some((owners[depth - 1], field)), nested)
        };
        if let Some((owner, field)) = owner {
            message.structs[owner].fields.push(field);
        }
        if let Some(name) = new_struct {
            // Fields indented below belong to it. One without such fields stands elsewhere.
            let known = message.structs.iter().position(|it| it.name == name);
            owners.push(known.unwrap_or(message.structs.len()));
            if known.is_none() {
                message.structs.push(Struct { name, fields: Vec::new(), reach: Versions::NONE });
            }
        }
    }
    for message in &mut messages {
        message.clip();
    }
    Ok(messages)
}

fn parse_message(file: &str, words: &[&str]) -> Result<Message, String> {
    let [kind, key, name, valid, options @ ..] = words else {
        return Err("a message needs kind, key, name and versions".into());
    };
    let mut message = Message {
        file: file.to_owned(),
        kind: MessageKind::parse(kind)?,
        key: if *key == "-" { None } else { Some(key.parse().map_err(|_| "a bad key")?) },
        name: (*name).to_owned(),
        valid: Versions::parse(valid)?,
        flexible: Versions::NONE,
        listeners: Vec::new(),
        forwardable: false,
        cluster_action: false,
        latest_unstable: false,
        view: false,
        structs: vec![Struct {
            name: (*name).to_owned(),
            fields: Vec::new(),
            reach: Versions::NONE,
        }],
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut argument = || options.next().copied().ok_or(format!("{option} needs a value"));
        match *option {
            "flexible" => message.flexible = Versions::parse(argument()?)?,
            "listeners" => message.listeners = argument()?.split(',').map(str::to_owned).collect(),
            "forwardable" => message.forwardable = true,
            "cluster-action" => message.cluster_action = true,
            "latest-unstable" => message.latest_unstable = true,
            "view" => message.view = true,
            unknown => return Err(format!("unknown option {unknown}")),
        }
    }
    Ok(message)
}

fn parse_field(words: &[&str]) -> Result<Field, String> {
    let [name, kind, versions, options @ ..] = words else {
        return Err("a field needs name, type and versions".into());
    };
    let mut field = Field {
        name: (*name).to_owned(),
        kind: Kind::parse(kind),
        versions: Versions::parse(versions)?,
        nullable: Versions::NONE,
        tag: None,
        inflexible: false,
        map_key: false,
        ignorable: false,
        default: None,
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut argument = || options.next().copied().ok_or(format!("{option} needs a value"));
        match *option {
            "nullable" => field.nullable = Versions::parse(argument()?)?,
            "tag" => {
                field.tag = Some(argument()?.parse().map_err(|_| "a bad tag")?);
                if Versions::parse(argument()?)? != field.versions {
                    return Err("a field with a tag in some of its versions only".into());
                }
            }
            "inflexible" => field.inflexible = true,
            "key" => field.map_key = true,
            "ignorable" => field.ignorable = true,
            "=" => field.default = Some(argument()?.to_owned()),
            unknown => return Err(format!("unknown option {unknown}")),
        }
    }
    Ok(field)
}

impl MessageKind {
    fn parse(word: &str) -> Result<MessageKind, String> {
        Ok(match word {
            "request" => MessageKind::Request,
            "response" => MessageKind::Response,
            "header" => MessageKind::Header,
            "metadata-record" => MessageKind::MetadataRecord,
            "remote-log-record" => MessageKind::RemoteLogRecord,
            "key" => MessageKind::Key,
            "value" => MessageKind::Value,
            "data" => MessageKind::Data,
            _ => return Err(format!("unknown kind {word}")),
        })
    }
}

impl Kind {
    fn parse(word: &str) -> Kind {
        if let Some(element) = word.strip_prefix("[]") {
            return Kind::Array(Box::new(Kind::parse(element)));
        }
        match word {
            "bool" => Kind::Bool,
            "int8" => Kind::Int8,
            "int16" => Kind::Int16,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "uint16" => Kind::Uint16,
            "uint32" => Kind::Uint32,
            "float64" => Kind::Float64,
            "uuid" => Kind::Uuid,
            "string" => Kind::String,
            "bytes" => Kind::Bytes,
            "records" => Kind::Records,
            name => Kind::Struct(name.to_owned()),
        }
    }

    /// The struct that it is or has elements of.
    pub(crate) fn struct_name(&self) -> Option<&str> {
        match self {
            Kind::Struct(name) => Some(name),
            Kind::Array(element) => element.struct_name(),
            _ => None,
        }
    }
}

impl Message {
    /// The struct of this name.
    pub(crate) fn struct_named(&self, name: &str) -> &Struct {
        self.structs.iter().find(|it| it.name == name).expect("every struct of a field is defined")
    }

    /// Reduces the versions of each field to those in which its struct is used, and drops fields
    /// that no version is left of.
    fn clip(&mut self) {
        self.structs[0].reach = self.valid;
        // A struct is reached from others that may stand behind it: repeat until nothing grows.
        loop {
            let mut grown = false;
            for owner in 0..self.structs.len() {
                let reach = self.structs[owner].reach;
                let uses: Vec<(String, Versions)> = self.structs[owner]
                    .fields
                    .iter()
                    .filter_map(|field| {
                        let name = field.kind.struct_name()?;
                        Some((name.to_owned(), field.versions.intersect(reach)))
                    })
                    .collect();
                for (name, versions) in uses {
                    let used = self.structs.iter_mut().find(|it| it.name == name);
                    let used = used.expect("every struct of a field is defined");
                    let hull = used.reach.hull(versions);
                    grown |= hull != used.reach;
                    used.reach = hull;
                }
            }
            if !grown {
                break;
            }
        }
        for it in &mut self.structs {
            for field in &mut it.fields {
                field.versions = field.versions.intersect(it.reach);
                field.nullable = field.nullable.intersect(field.versions);
            }
            it.fields.retain(|field| !field.versions.is_empty());
        }
        self.structs.retain(|it| !it.reach.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        parse("test", text).unwrap_err().to_string()
    }

    #[test]
    fn fields_belong_to_the_struct_they_are_indented_below() {
        let text = "request 3 ARequest 2-5 flexible 4+\n  Topics []Topic 0+ nullable 3+\n    \
                    Name string 0-4 key\n    Old int8 0-1\n  Last Shared 5+ tag 7 5+ = null\n  \
                    struct Shared\n    Id uuid 0+";
        let message = &parse("test", text).unwrap()[0];
        assert_eq!((message.key, message.kind), (Some(3), MessageKind::Request));
        let shape: Vec<(&str, Vec<&str>)> = message
            .structs
            .iter()
            .map(|it| (it.name.as_str(), it.fields.iter().map(|it| it.name.as_str()).collect()))
            .collect();
        // `Old` is of no valid version.
        let expected =
            [("ARequest", vec!["Topics", "Last"]), ("Topic", vec!["Name"]), ("Shared", vec!["Id"])];
        assert_eq!(shape, expected);
        assert_eq!(message.struct_named("Shared").reach, Versions { min: 5, max: 5 });
        let topics = &message.structs[0].fields[0];
        assert_eq!(topics.versions, Versions { min: 2, max: 5 });
        assert_eq!(topics.nullable, Versions { min: 3, max: 5 });
        assert_eq!(message.structs[0].fields[1].tag, Some(7));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        assert_eq!(reason("  Name string 0+"), "line 1: a field before a message");
        assert_eq!(reason("wish 1 A 0"), "line 1: unknown kind wish");
        let below = |field: &str| reason(&format!("data - A 0+\n{field}"));
        assert_eq!(below("  Name string"), "line 2: a field needs name, type and versions");
        assert_eq!(below("  Name string x"), "line 2: bad versions x");
        assert_eq!(below("  Name string 0+ maybe"), "line 2: unknown option maybe");
        assert_eq!(below("      Name string 0+"), "line 2: indented too far");
        let partly = "line 2: a field with a tag in some of its versions only";
        assert_eq!(below("  Name string 0+ tag 1 2+"), partly);
    }
}
