//! Who is let in: by the path of a request, before anything of its body is read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use futures_util::future::Either;
use futures_util::future::MapOk;
use futures_util::future::Ready;
use futures_util::future::TryFutureExt;
use futures_util::future::ready;
use http_body::Frame;
use http_body::SizeHint;
use selfcheck_fleet::Outcome;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::Service;
use tonic::codegen::http::Request;
use tonic::codegen::http::Response;
use tower::Layer;

use crate::Caller;
use crate::Limits;
use crate::accounts::Held;
use crate::accounts::Holding;
use crate::accounts::Rated;
use crate::metered::Kind;
use crate::metered::Metered;
use crate::tally::Tally;

/// The one call that every server of the cluster makes.
const STREAM: &str = "/proto.AuthService/InventoryControlStream";
/// The calls that take the role Admin.
const OF_ADMINS: [&str; 13] = [
    "/proto.AuthService/GetInventoryStatus",
    "/proto.AuthService/GetInventoryConnectedServiceCounts",
    "/proto.AuthService/PingInventory",
    "/proto.AuthService/GetInstances",
    "/proto.AuthService/GetClusterAlerts",
    "/proto.AuthService/UpsertClusterAlert",
    "/proto.AuthService/DeleteClusterAlert",
    "/proto.AuthService/CreateAlertAck",
    "/proto.AuthService/GetAlertAcks",
    "/proto.AuthService/ClearAlertAcks",
    "/teleport.selfcheck.v1.FleetService/GetSummary",
    "/teleport.selfcheck.v1.FleetService/ListAgents",
    "/teleport.selfcheck.v1.FleetService/ListRemedies",
];

/// Those of them whose answer is all that there is at once, however long it takes to be read.
const WHOLE: [&str; 2] = ["/proto.AuthService/GetInventoryStatus", "/proto.AuthService/GetClusterAlerts"];
/// By which a daemon tells an auth server of self-checks from a stock one.
const DAEMONS_QUESTION: &str = "/teleport.selfcheck.v1.FleetService/GetSummary";
/// What a call is answered that is not served.
pub(crate) const NOT_SERVED: &str =
    "this auth server has the inventory of agents and their alerts, and serves no other calls";

/// Lets requests in, or answers them at once.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    limits: Arc<Limits>,
    tally: Arc<Tally>,
}

/// A service behind it.
#[derive(Debug, Clone)]
pub(crate) struct Admitted<S> {
    service: S,
    admission: Admission,
}

/// A request that is let in, and what it holds.
struct Passage {
    caller: Caller,
    /// Its place among the open requests of its identity.
    open: Holding,
    is_of: Of,
}

/// What a request is, with its place among those.
enum Of {
    /// A stream, which holds its places itself.
    Stream(Holding),
    /// A question, which holds them until its answer has been sent.
    Question(Holding),
}

/// The places of a stream: that among the open requests of its identity, and until it says Hello, that among those that have not.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    _open: Arc<Holding>,
    unannounced: Option<Arc<Holding>>,
}

/// The body of an answer, and what is held until it has been sent.
struct Answer<B> {
    body: B,
    _held: [Holding; 2],
}

impl Places {
    /// The stream has said Hello.
    pub(crate) fn announced(&mut self) {
        self.unannounced = None;
    }
}

impl Admission {
    pub(crate) fn new(limits: Limits, tally: Arc<Tally>) -> Self {
        Self { limits: Arc::new(limits), tally }
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<Passage, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller =
            caller.ok_or_else(|| Status::unauthenticated("the connection has no client certificate"))?;
        let (limits, account) = (&self.limits, caller.account());
        let path = request.uri().path();
        let is_stream = path == STREAM;
        // Who goes on asking for what it does not get has to come again for it.
        let refused = |outcome: Option<Outcome>, status: Status| {
            if let Some(outcome) = outcome {
                self.tally.refuse(outcome, &caller, status.message());
            }
            if !account.take(Rated::Refusals, limits.refusals) {
                caller.end(Outcome::TooFast);
            }
            status
        };
        let permitted = if is_stream {
            caller.server().map(|_| ())
        } else if OF_ADMINS.contains(&path) {
            caller.must_be_admin()
        } else {
            return Err(refused(None, Status::unimplemented(NOT_SERVED)));
        };
        // A daemon that is well asks this once for each connection, and is told enough by the refusal.
        let outcome = Some(Outcome::Denied).filter(|_| path != DAEMONS_QUESTION || caller.server().is_err());
        permitted.map_err(|status| refused(outcome, status))?;
        let too_much = |words| refused(Some(Outcome::Refused), Status::resource_exhausted(words));
        if !account.take(Rated::Requests, limits.requests) {
            return Err(too_much("requests of this identity come too fast"));
        }
        let hold =
            |what, amount, most, words| account.hold(what, amount, most).ok_or_else(|| too_much(words));
        let open =
            hold(Held::Requests, 1, limits.requests_per_host, "this identity has too many open requests")?;
        let is_of = if is_stream {
            let words = "this identity has too many streams without a Hello";
            Of::Stream(hold(Held::Unannounced, 1, limits.streams_before_hello, words)?)
        } else {
            let most = limits.answers_per_host;
            let amount = if WHOLE.contains(&path) { most.div_ceil(2) } else { 1 };
            let words = "this identity has too many questions that are being answered";
            Of::Question(hold(Held::Answers, amount, most, words)?)
        };
        let _ = caller.is_active(Instant::now());
        Ok(Passage { caller, open, is_of })
    }
}

impl<S> Layer<S> for Admission {
    type Service = Admitted<S>;

    fn layer(&self, service: S) -> Admitted<S> {
        Admitted { service, admission: self.clone() }
    }
}

type Mapped<B> = Box<dyn FnOnce(Response<B>) -> Response<Body> + Send>;

impl<S, B> Service<Request<Body>> for Admitted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<Body>, S::Error>>, MapOk<S::Future, Mapped<B>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let passage = match self.admission.admit(&request) {
            Ok(passage) => passage,
            Err(status) => return Either::Left(ready(Ok(status.into_http()))),
        };
        let Passage { caller, open, is_of } = passage;
        let (mut parts, body) = request.into_parts();
        let (kind, held) = match is_of {
            Of::Stream(unannounced) => {
                let unannounced = Some(Arc::new(unannounced));
                parts.extensions.insert(Places { _open: Arc::new(open), unannounced });
                (Kind::Stream, None)
            }
            Of::Question(answer) => (Kind::Question, Some([open, answer])),
        };
        let limits = Arc::clone(&self.admission.limits);
        let body = Body::new(Metered::new(body, Arc::clone(caller.account()), limits, kind));
        let answered: Mapped<B> = Box::new(|response| {
            response.map(|body| match held {
                Some(held) => Body::new(Answer { body, _held: held }),
                None => Body::new(body),
            })
        });
        Either::Right(self.service.call(Request::from_parts(parts, body)).map_ok(answered))
    }
}

impl<B: http_body::Body + Unpin> http_body::Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
