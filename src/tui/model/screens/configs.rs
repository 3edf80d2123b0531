//! Configs of one entity: those that are set first; and the entities there are.

mod entities;
mod line;

use kt_protocol::types::Now;
use serde_json::{Value as Json, json};

pub(crate) use self::entities::EntityLine;
pub(crate) use self::line::ConfigLine;
use crate::config_entity::ConfigEntity;
use crate::shell_words::quoted;
use crate::tui::model::cluster::{Cluster, EntityConfigs};
use crate::tui::model::listing::{List, Listing};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Needs};
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::Watch;

/// The panes, in the order of Tab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Configs,
    Entities,
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Configs {
    /// `None` until one is chosen.
    pub(crate) entity: Option<ConfigEntity>,
    pub(crate) configs: Listing<ConfigLine>,
    pub(crate) entities: Listing<EntityLine>,
    pane: Pane,
    /// Whether its configs were told.
    pub(crate) is_known: bool,
    /// Why they are not.
    pub(crate) failure: Option<String>,
}

impl Configs {
    /// Which pane is shown: without an entity there is only one.
    pub(crate) fn pane(&self) -> Pane {
        if self.entity.is_some() { self.pane } else { Pane::Entities }
    }

    /// How many are set, by whomever.
    pub(crate) fn set(&self) -> usize {
        self.configs.all().filter(|it| it.is_set()).count()
    }
}

/// The configs of an entity as lines.
pub(crate) fn lines(entity: &ConfigEntity, known: Option<&EntityConfigs>) -> Vec<ConfigLine> {
    let told = known.and_then(|it| it.told.as_ref());
    told.map_or_else(Vec::new, |told| {
        told.value.iter().map(|it| ConfigLine::of(entity, it)).collect()
    })
}

/// What has configs, as it is typed.
pub(crate) fn entity_names(cluster: &Cluster) -> Vec<String> {
    entities::lines(cluster).into_iter().map(|it| it.entity.to_string()).collect()
}

impl Page for Configs {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.entities.take(now.monotonic, entities::lines(&watch.cluster));
        let Some(entity) = &self.entity else { return };
        let known = watch.cluster.configs.get(entity);
        self.is_known = known.is_some_and(|it| it.told.is_some());
        self.failure = known.and_then(|it| it.failure.as_ref()).map(|it| it.words.clone());
        self.configs.take(now.monotonic, lines(entity, known));
    }

    fn kinds(&self) -> &'static [Kind] {
        match self.pane() {
            Pane::Configs => &[Kind::Brokers, Kind::EntityConfigs],
            Pane::Entities => &[Kind::Metadata, Kind::Groups],
        }
    }

    fn needs(&self, _watch: &Watch, needs: &mut Needs) {
        needs.configs_of.clone_from(&self.entity);
    }

    fn list(&self) -> &dyn List {
        match self.pane() {
            Pane::Configs => &self.configs,
            Pane::Entities => &self.entities,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match self.pane() {
            Pane::Configs => &mut self.configs,
            Pane::Entities => &mut self.entities,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match pane {
            0 => Some(&mut self.configs),
            1 => Some(&mut self.entities),
            _ => None,
        }
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane() as usize
    }

    fn focus(&mut self, pane: usize) {
        self.pane = if pane == 0 { Pane::Configs } else { Pane::Entities };
    }

    fn set_about(&mut self, about: &About) {
        let About::Entity(text) = about else { return };
        let Ok(entity) = ConfigEntity::parse(text) else { return };
        self.pane = Pane::Configs;
        self.entities.seek(text);
        if self.entity.as_ref() != Some(&entity) {
            self.configs.clear();
            self.entity = Some(entity);
        }
    }

    fn about(&self) -> About {
        self.entity.as_ref().map_or(About::Cluster, |it| About::Entity(it.to_string()))
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        match self.pane() {
            Pane::Configs => None,
            Pane::Entities => {
                let entity = self.entities.line()?.entity.to_string();
                Some(Target::about(Screen::Configs, About::Entity(entity)))
            }
        }
    }

    fn config(&self) -> Option<(String, Option<String>)> {
        match self.pane() {
            Pane::Configs => self.configs.line().map(ConfigLine::pair),
            Pane::Entities => None,
        }
    }

    fn kt_line(&self) -> String {
        let entity = match self.pane() {
            Pane::Configs => self.entity.as_ref(),
            Pane::Entities => self.entities.line().map(|it| &it.entity),
        };
        let entity = entity.unwrap_or(&ConfigEntity::BrokerDefault).to_string();
        format!("kt configs describe {} --all", quoted(&entity))
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match self.pane() {
            Pane::Configs => Some(self.configs.line()?.details()),
            Pane::Entities => Some(json!({ "entity": self.entities.line()?.entity.to_string() })),
        }
    }

    fn hint(&self) -> Option<String> {
        match self.pane() {
            Pane::Configs => self.configs.line()?.meaning.clone(),
            Pane::Entities => None,
        }
    }

    fn json(&self) -> Json {
        match &self.entity {
            Some(entity) => json!({
                "entity": entity.to_string(),
                "configs": self.configs.shown().map(ConfigLine::json).collect::<Vec<_>>(),
                "failure": self.failure,
            }),
            None => {
                let all = self.entities.shown().map(|it| it.entity.to_string());
                json!({ "entities": all.collect::<Vec<_>>() })
            }
        }
    }
}
