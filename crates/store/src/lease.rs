//! Leases: the right to work on an investigation, held by one worker at a time and fenced by its epoch.

use std::time::Duration;

use domain::InvestigationId;
use jiff::Timestamp;

use crate::db::{Arg, Tx};
use crate::error::StoreError;
use crate::status::Status;
use crate::store::{Store, later, timestamp};

macro_rules! if_held {
    ($change:literal) => {
        concat!(
            "UPDATE investigations SET ",
            $change,
            " WHERE id = $1 AND epoch = $2 AND worker = $3 AND status = 'running'"
        )
    };
}

const RENEW: &str = if_held!("lease_until = $4, updated_at = $5");

/// An orderly release is no failed attempt.
const RELEASE: &str = if_held!(
    "status = 'queued', lease_until = 0, updated_at = $4,
     attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END"
);

const FINISH: &str = if_held!("status = $4, lease_until = 0, updated_at = $5");

const CANCEL: &str = "UPDATE investigations SET status = 'cancelled', lease_until = 0, updated_at = $2
WHERE id = $1 AND status IN ('queued', 'running')";

const LAST_HOLDER: &str = "SELECT id FROM investigations WHERE id = $1 AND epoch = $2 AND worker = $3";

const STATUS: &str = "SELECT status FROM investigations WHERE id = $1";

/// The right to append to an investigation. It ends when it has expired *and* another worker claims the
/// investigation, or when the investigation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The investigation.
    pub investigation: InvestigationId,
    /// Grows with each claim; a worker with an older epoch can no longer append.
    pub epoch: u64,
    /// Who holds it.
    pub worker: String,
    /// From when on another worker may claim the investigation.
    pub expires_at: Timestamp,
}

impl Store {
    /// Extends a lease to `ttl` from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: stop working on it. Or the database fails.
    pub async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        let now = self.now();
        let until = later(now, ttl);
        let mut tx = self.db.begin("renew a lease").await?;
        change_held(&mut tx, RENEW, lease, &[Arg::Int(until), Arg::Int(now)]).await?;
        tx.commit().await?;
        Ok(Lease {
            expires_at: timestamp("end of a lease", until)?,
            ..lease.clone()
        })
    }

    /// Gives an investigation back unfinished, so that any worker can claim it at once: for an orderly
    /// shutdown.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or the database fails.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let now = self.now();
        let mut tx = self.db.begin("release an investigation").await?;
        change_held(&mut tx, RELEASE, lease, &[Arg::Int(now)]).await?;
        tx.commit().await?;
        self.hint(lease.investigation);
        Ok(())
    }

    /// Ends an investigation. Appending `Reported` has already finished it; to finish it again is no error.
    ///
    /// # Errors
    /// [`StoreError::NotAnEnd`], [`StoreError::LeaseLost`], or the database fails.
    pub async fn finish(&self, lease: &Lease, status: Status) -> Result<(), StoreError> {
        if !status.is_end() {
            return Err(StoreError::NotAnEnd { status });
        }
        let now = self.now();
        let mut tx = self.db.begin("finish an investigation").await?;
        let args = [Arg::Text(status.as_str()), Arg::Int(now)];
        if let Err(error) = change_held(&mut tx, FINISH, lease, &args).await {
            let ended_so = matches!(&error, StoreError::LeaseLost { status: Some(is), .. } if *is == status);
            let by_itself = ended_so && was_last(&mut tx, lease).await?;
            return if by_itself { Ok(()) } else { Err(error) };
        }
        tx.commit().await?;
        self.hint(lease.investigation);
        Ok(())
    }

    /// Stops an investigation: its worker's next append fails with [`StoreError::LeaseLost`]. False when
    /// there is none of that id, or it had already ended.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cancel(&self, id: InvestigationId) -> Result<bool, StoreError> {
        let text = id.to_string();
        let args = [Arg::Text(&text), Arg::Int(self.now())];
        let mut tx = self.db.begin("cancel an investigation").await?;
        let changed = tx.execute(CANCEL, &args).await?;
        tx.commit().await?;
        if changed > 0 {
            self.hint(id);
        }
        Ok(changed > 0)
    }
}

/// Runs an update that only the holder of the lease may make; `more` are its arguments from `$4` on.
async fn change_held(
    tx: &mut Tx,
    sql: &'static str,
    lease: &Lease,
    more: &[Arg<'_>],
) -> Result<(), StoreError> {
    let id = lease.investigation.to_string();
    let mut args = holder(&id, lease).to_vec();
    args.extend_from_slice(more);
    match tx.execute(sql, &args).await? {
        0 => Err(lost(tx, lease).await),
        _ => Ok(()),
    }
}

/// True when nobody claimed the investigation after this lease.
async fn was_last(tx: &mut Tx, lease: &Lease) -> Result<bool, StoreError> {
    let id = lease.investigation.to_string();
    let found: Option<(String,)> = tx.row(LAST_HOLDER, &holder(&id, lease)).await?;
    Ok(found.is_some())
}

/// The error for a lease that no longer holds, with where its investigation stands now.
pub(crate) async fn lost(tx: &mut Tx, lease: &Lease) -> StoreError {
    let id = lease.investigation.to_string();
    let found: Result<Option<(String,)>, StoreError> = tx.row(STATUS, &[Arg::Text(&id)]).await;
    match found {
        Ok(found) => StoreError::LeaseLost {
            investigation: lease.investigation,
            epoch: lease.epoch,
            status: found.and_then(|(status,)| status.parse().ok()),
        },
        Err(error) => error,
    }
}

/// The arguments `$1` to `$3` that identify the holder of a lease; `id` is its investigation as text.
pub(crate) fn holder<'a>(id: &'a str, lease: &'a Lease) -> [Arg<'a>; 3] {
    [
        Arg::Text(id),
        Arg::Int(lease.epoch.cast_signed()),
        Arg::Text(&lease.worker),
    ]
}
