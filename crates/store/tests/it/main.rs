//! One contract that both databases keep, and what is particular to each.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod database;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod sqlite;
