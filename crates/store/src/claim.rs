//! Claims: a worker takes an investigation that waits, or whose worker has died.

use std::time::Duration;

use domain::InvestigationId;

use crate::db::Arg;
use crate::enqueue::investigation_id;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::store::{Store, later, timestamp};

/// Claims without progress after which an investigation is given up: it kills its workers. An appended event
/// other than `Started` is progress.
pub const MAX_ATTEMPTS: u32 = 5;

/// A queued item has no lease, so its `lease_until` lies in the past like that of an expired one.
macro_rules! take {
    ($which:literal) => {
        concat!(
            "UPDATE investigations SET status = 'running', worker = $1, lease_until = $2, updated_at = $3, ",
            "epoch = epoch + 1, attempts = attempts + 1 WHERE ",
            $which,
            " RETURNING id, epoch, attempts"
        )
    };
}

const TAKE_ONE: &str = take!("id = $4 AND status IN ('queued', 'running') AND lease_until <= $3");

const TAKE_OLDEST_SQLITE: &str = take!(
    "id = (SELECT id FROM investigations WHERE status IN ('queued', 'running') AND lease_until <= $3
           ORDER BY created_at, id LIMIT 1)"
);

/// Rows that other workers are about to take are passed over instead of waited for.
const TAKE_OLDEST_POSTGRES: &str = take!(
    "id = (SELECT id FROM investigations WHERE status IN ('queued', 'running') AND lease_until <= $3
           ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)"
);

const GIVE_UP: &str = "UPDATE investigations SET status = 'failed', lease_until = 0 WHERE id = $1";

#[derive(sqlx::FromRow)]
struct Taken {
    id: String,
    epoch: i64,
    attempts: i64,
}

/// What came of one look at the queue.
enum Attempt {
    Claimed(Lease),
    GaveUp,
    NothingThere,
}

impl Store {
    /// Takes the oldest investigation that waits or whose lease has expired; `None` when there is none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(&self, worker: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        self.take(None, worker, ttl).await
    }

    /// Takes that investigation if it waits or its lease has expired.
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim_one(
        &self,
        id: InvestigationId,
        worker: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        self.take(Some(id), worker, ttl).await
    }

    async fn take(
        &self,
        id: Option<InvestigationId>,
        worker: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let id = id.map(|id| id.to_string());
        loop {
            match self.try_take(id.as_deref(), worker, ttl).await? {
                Attempt::Claimed(lease) => return Ok(Some(lease)),
                Attempt::NothingThere => return Ok(None),
                Attempt::GaveUp => {}
            }
        }
    }

    async fn try_take(&self, id: Option<&str>, worker: &str, ttl: Duration) -> Result<Attempt, StoreError> {
        let now = self.now();
        let until = later(now, ttl);
        let mut tx = self.db.begin("claim an investigation").await?;
        let sql = match id {
            Some(_) => TAKE_ONE,
            None if tx.is_postgres() => TAKE_OLDEST_POSTGRES,
            None => TAKE_OLDEST_SQLITE,
        };
        let mut args = vec![Arg::Text(worker), Arg::Int(until), Arg::Int(now)];
        args.extend(id.map(Arg::Text));
        let Some(taken) = tx.row::<Taken>(sql, &args).await? else {
            return Ok(Attempt::NothingThere);
        };
        let investigation = investigation_id(&taken.id)?;
        if taken.attempts > i64::from(MAX_ATTEMPTS) {
            tx.execute(GIVE_UP, &[Arg::Text(&taken.id)]).await?;
            tx.commit().await?;
            tracing::error!(%investigation, attempts = MAX_ATTEMPTS, "investigation given up: no progress");
            self.hint(investigation);
            return Ok(Attempt::GaveUp);
        }
        tx.commit().await?;
        Ok(Attempt::Claimed(Lease {
            investigation,
            epoch: taken.epoch.cast_unsigned(),
            worker: worker.to_owned(),
            expires_at: timestamp("end of a lease", until)?,
        }))
    }
}
