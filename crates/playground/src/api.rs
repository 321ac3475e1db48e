//! The Kubernetes API server over a world: takes a request through weather, authentication, routing and
//! authorization to the endpoint that answers it. Knows nothing of faults.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::Clock;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::prometheus::Database;
use crate::api::call::Call;
use crate::api::route::{Endpoint, Route};
use crate::api::status::ApiError;
use crate::api::store::Store;
use crate::serve::clock::MovingClock;
use crate::serve::requests::Requests;
use crate::serve::shift::shift_to;
use crate::serve::{Identity, ServeOptions, Weather};
use crate::simulate::reconcile::Simulation;
use crate::stage::StagedFault;
use crate::world::World;
use crate::world::captured::{Asked, Captured};

mod access;
mod call;
mod discovery;
pub(crate) mod prometheus;
mod read;
pub(crate) mod resource;
mod route;
mod status;
mod store;
mod table;
mod weather;
mod write;

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct ApiServer {
    store: RwLock<Store>,
    changed: watch::Sender<u64>,
    pub(crate) clock: MovingClock,
    simulation: Mutex<Simulation>,
    faults: Vec<StagedFault>,
    identities: Vec<Identity>,
    pub(crate) weather: Weather,
    pub(crate) requests: Requests,
    captured: Option<Captured>,
    /// The world's metrics, read when first asked for.
    pub(crate) series: OnceLock<Database>,
    stop: CancellationToken,
}

impl ApiServer {
    /// Takes over the world; unless frozen, moves it to the wall clock first.
    pub(crate) fn new(mut world: World, mut options: ServeOptions, stop: CancellationToken) -> Self {
        let clock = if options.freeze {
            Clock::Frozen(world.now)
        } else {
            shift_to(&mut world, options.staged.as_mut(), Clock::System.now());
            Clock::System
        };
        let captured = world.captured.clone();
        let store = Store::new(world);
        let simulation = Simulation::new(
            store.world(),
            options.staged.as_ref(),
            store.version(),
            clock.now(),
        );
        Self {
            simulation: Mutex::new(simulation),
            faults: options.staged.map(|staged| staged.faults).unwrap_or_default(),
            changed: watch::Sender::new(store.version()),
            store: RwLock::new(store),
            clock: MovingClock::new(clock),
            identities: options.tokens,
            weather: options.weather,
            requests: Requests::default(),
            captured,
            series: OnceLock::new(),
            stop,
        }
    }

    /// Lets the controllers do what is due.
    pub(crate) fn tick(&self) {
        let mut simulation = self.simulation.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let version = self.read().version();
        if simulation.has_work(version, now) {
            self.change(|store| simulation.run(store, now));
        }
    }

    /// Moves the clock and lets the controllers follow.
    pub(crate) fn advance(&self, by: SignedDuration) {
        self.tick();
        self.clock.advance(by);
        self.tick();
    }

    /// Which staged faults are still there.
    pub(crate) fn faults_present(&self) -> Vec<(String, bool)> {
        let store = self.read();
        self.faults
            .iter()
            .map(|fault| (fault.id.clone(), fault.is_present(store.world())))
            .collect()
    }

    /// The world as it is now.
    pub(crate) fn snapshot(&self) -> World {
        self.read().world().clone()
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change and wakes the watches.
    fn change<T>(&self, run: impl FnOnce(&mut Store) -> T) -> T {
        let (result, version) = {
            let mut store: RwLockWriteGuard<'_, Store> =
                self.store.write().unwrap_or_else(PoisonError::into_inner);
            (run(&mut store), store.version())
        };
        self.changed.send_replace(version);
        result
    }
}

/// A captured world answers only what was looked at when it was captured.
fn admit(server: &ApiServer, call: &Call, endpoint: &Endpoint) -> Result<(), ApiError> {
    let Some(captured) = &server.captured else {
        return Ok(());
    };
    let resource = &endpoint.resource;
    let key = resource.key(&endpoint.namespace, &endpoint.name);
    // What `kubectl top` shows is never captured; its plurals are those of pods and nodes.
    let plural = match resource.group.as_str() {
        "metrics.k8s.io" => "metrics",
        _ => resource.plural.as_str(),
    };
    let asked = Asked {
        plural,
        namespace: &endpoint.namespace,
        name: &endpoint.name,
        labels: call.param("labelSelector").unwrap_or_default(),
        fields: call.param("fieldSelector").unwrap_or_default(),
        is_held: !endpoint.name.is_empty() && server.read().get(&key).is_some(),
    };
    captured
        .admit(asked)
        .map_err(|refused| ApiError::captured(refused.code, refused.message))
}

/// Answers one HTTP request.
pub(crate) async fn handle(State(server): State<Arc<ApiServer>>, request: Request<Body>) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let number = server.requests.begin(request.method().as_str(), &target);
    let response = match answer(&server, request, &target).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    server.requests.finish(number, response.status().as_u16());
    response
}

async fn answer(server: &Arc<ApiServer>, request: Request<Body>, target: &str) -> Result<Response, ApiError> {
    server.weather.meet(target, &server.stop).await?;
    if let Some(path) = request.uri().path().strip_prefix("/prometheus/api/v1/") {
        let path = path.to_owned();
        return Ok(prometheus::answer(server, &path, request).await);
    }
    let user = access::authenticate(&server.identities, request.headers())?;
    let call = Call::read(request, user).await?;
    let route = Route::parse(&call.path);
    let Route::Resource(target) = route else {
        return discovery::answer(server, &call, &route);
    };
    let Some(endpoint) = target.resolve(&call, &server.read().registry)? else {
        return Err(ApiError::unknown_path());
    };
    access::authorize(&server.weather, &call, &endpoint)?;
    if call.method == http::Method::GET {
        admit(server, &call, &endpoint)?;
        read::answer(server, &call, &endpoint)
    } else {
        write::answer(server, &call, &endpoint)
    }
}
