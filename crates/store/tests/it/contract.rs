//! The contract: cases that take a database of their own. `sqlite` and `postgres` run all of them.

pub(crate) mod claims;
pub(crate) mod dedupe;
pub(crate) mod leases;
pub(crate) mod log;
pub(crate) mod records;

/// Hands the list of cases to a macro.
macro_rules! for_each_case {
    ($run:ident) => {
        $run! {
            claims::every_item_is_claimed_exactly_once,
            claims::the_oldest_item_is_claimed_first,
            claims::one_item_can_be_claimed_by_its_id,
            claims::an_item_that_kills_its_workers_is_given_up,
            claims::progress_and_orderly_release_are_no_failed_attempts,
            dedupe::a_repeated_firing_joins_the_unfinished_investigation,
            dedupe::a_repeated_firing_joins_an_investigation_that_just_ended,
            dedupe::a_failed_investigation_answers_for_nothing,
            dedupe::racing_firings_open_one_investigation,
            leases::an_expired_lease_passes_to_the_next_worker_and_fences_the_first,
            leases::a_renewed_lease_is_left_alone,
            leases::a_released_item_is_claimed_again,
            leases::finishing_twice_is_no_error,
            leases::a_cancelled_investigation_takes_no_more_events,
            log::events_are_read_back_as_they_were_appended,
            log::a_sequence_number_is_used_once_and_without_holes,
            log::cursors_skip_nothing_while_streams_append_in_parallel,
            log::a_restarted_process_resumes_from_the_events,
            records::evidence_is_found_by_its_id,
            records::an_evidence_id_is_used_once,
            records::a_report_ends_its_investigation,
            records::investigations_are_listed_newest_first_in_pages,
            records::what_is_not_there_is_none,
            records::the_store_answers_a_ping,
        }
    };
}
pub(crate) use for_each_case;
