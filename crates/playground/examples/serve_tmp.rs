//! temporary
use playground::*;
#[tokio::main]
async fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let world = load_world(std::path::Path::new(&dir)).unwrap_or_else(|e| panic!("{e}"));
    let options = ServeOptions { addr: "127.0.0.1:7777".parse().unwrap(), ..Default::default() };
    let playground = Playground::start(world, options).await.unwrap();
    std::fs::write("/tmp/pg/kubeconfig", playground.kubeconfig()).unwrap();
    tokio::signal::ctrl_c().await.unwrap();
    for r in playground.requests() { println!("{} {} {}", r.method, r.status, r.target); }
    playground.shutdown().await;
}
