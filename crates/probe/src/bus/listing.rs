//! The state of many units in one call.

use selfcheck_core::Text;
use selfcheck_core::Why;
use selfcheck_core::observation::ActiveState;
use selfcheck_core::observation::LoadState;
use tokio::time::Instant;
use zbus::OwnedObjectPath;

use super::batch::Answers;
use super::batch::Batch;
use super::batch::Place;
use super::connection::Link;
use super::names::object_path;
use super::properties::Properties;

/// The state of one unit.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: Text,
    pub(super) load: LoadState,
    pub(super) active: ActiveState,
    pub(super) sub: Option<Text>,
    /// The unit's own name.
    pub(super) id: Option<Text>,
    /// The job that waits or works for it.
    pub(super) job: Option<Text>,
}

/// A unit as systemd lists it: name, description, load, active and sub state, followed unit, object, job.
type Row = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// The states of the units `names`, answered at `place`, or asked for anew from a systemd too old for that.
pub(super) async fn listed<const N: usize>(
    answers: &Answers,
    place: &Place,
    names: [&str; N],
    link: &mut Link,
    deadline: Instant,
) -> Result<[Listed; N], Why> {
    let listed = match answers.states::<Vec<Row>>(place)? {
        Some(rows) if rows.len() != N => return Err(Why::Protocol),
        Some(rows) => names.iter().zip(rows).map(|(name, row)| from_row(name, row)).collect(),
        None => one_by_one(link, &names, deadline).await?,
    };
    Vec::try_into(listed).map_err(|_| Why::Protocol)
}

fn from_row(name: &str, (id, _, load, active, sub, _, _, job, kind, _): Row) -> Listed {
    Listed {
        name: name.into(),
        load: load.as_str().into(),
        active: active.as_str().into(),
        sub: Some(sub.as_str().into()),
        id: (id != name).then(|| Text::new(&id)),
        job: (job != 0).then(|| Text::new(&kind)),
    }
}

async fn one_by_one(link: &mut Link, names: &[&str], deadline: Instant) -> Result<Vec<Listed>, Why> {
    let wanted = ["LoadState", "ActiveState", "SubState", "Id", "Job"].map(|property| ("Unit", property));
    let mut batch = Batch::default();
    let asked: Vec<_> = names.iter().map(|name| (name, batch.ask(&object_path(name), &wanted))).collect();
    let mut answers = batch.run(link, deadline).await;
    asked.into_iter().map(|(name, place)| from_properties(name, &mut answers.properties(place)?)).collect()
}

/// The state of the unit `name`, from its properties.
pub(super) fn from_properties(name: &str, properties: &mut Properties) -> Result<Listed, Why> {
    let load = properties.text("LoadState")?.ok_or(Why::Protocol)?;
    let active = properties.text("ActiveState")?.ok_or(Why::Protocol)?;
    let job: Option<(u32, OwnedObjectPath)> = properties.take("Job")?;
    Ok(Listed {
        name: name.into(),
        load: load.as_str().into(),
        active: active.as_str().into(),
        sub: properties.text("SubState")?,
        id: properties.text("Id")?.filter(|id| *id != *name),
        // What kind of job it is, its own object would say.
        job: job.filter(|(id, _)| *id != 0).map(|_| "job".into()),
    })
}
