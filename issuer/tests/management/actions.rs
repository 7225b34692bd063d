//! Actions over HTTP: written, deployed, bound, tried, and in force at the next login.

use logout_issuer::domain::action::{
    MAX_ACTIONS, MAX_BINDINGS, MAX_CODE_BYTES, MAX_DISPLAY_NAME_CHARS, MAX_NAME_CHARS,
    MAX_SECRET_NAME_CHARS, MAX_SECRET_VALUE_CHARS, MAX_SECRETS, MAX_VERSIONS,
};
use logout_issuer::domain::session::Device;
use logout_issuer::http::MAX_ACTION_BODY_BYTES;
use logout_issuer::login::actions::{Decided, PostLogin, post_login};
use serde_json::{Value, json};

use crate::api::{Api, CALLER, USER};

const ALL: &str = "read:actions create:actions update:actions delete:actions";
const ACTIONS: &str = "/actions/actions";
const BINDINGS: &str = "/actions/triggers/post-login/bindings";

fn code(body: &str) -> String {
    format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};")
}

fn new(name: &str, body: &str) -> Value {
    json!({
        "name": name,
        "code": code(body),
        "supported_triggers": [{"id": "post-login", "version": "v3"}],
    })
}

async fn create(api: &Api, body: Value) -> Value {
    api.call(ALL, "POST /actions/actions", body)
        .await
        .expect(201)
}

/// Makes an Action and deploys it; gives its id.
async fn deployed(api: &Api, name: &str, body: &str) -> String {
    let mut new = new(name, body);
    new["deploy"] = json!(true);
    id(&create(api, new).await)
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

async fn bind(api: &Api, bindings: Value) -> crate::api::Answer {
    let body = json!({ "bindings": bindings });
    api.call(ALL, &format!("PATCH {BINDINGS}"), body).await
}

fn by_id(id: &str) -> Value {
    json!({"ref": {"type": "action_id", "value": id}})
}

/// What the bound Actions say to a login of Ada's.
async fn login(api: &Api) -> Decided {
    let mut read = api.issuer.store().read().await.unwrap();
    let user = read.find_user(&USER.parse().unwrap()).await.unwrap();
    drop(read);
    let login = PostLogin {
        client: api.client(CALLER).await.unwrap(),
        user: user.unwrap(),
        session: None,
        device: Device::default(),
        transaction: json!({}),
        refresh_token: None,
    };
    post_login(&api.issuer, &login).await.unwrap()
}

#[tokio::test]
async fn an_action_goes_from_its_first_draft_to_its_end() {
    let api = Api::start().await;
    let made = create(&api, new("greet", "console.log(1);")).await;
    let id = id(&made);
    assert_eq!(made["name"], "greet");
    assert_eq!(made["status"], "built");
    assert_eq!(made["runtime"], "node22");
    assert_eq!(made["dependencies"], json!([]));
    assert_eq!(made["all_changes_deployed"], false);
    assert_eq!(
        made["supported_triggers"],
        json!([{"id": "post-login", "version": "v3"}])
    );
    assert!(made.get("deployed_version").is_none());

    let version = api
        .call(ALL, &format!("POST {ACTIONS}/{id}/deploy"), Value::Null)
        .await
        .expect(200);
    assert_eq!(
        (&version["number"], &version["deployed"], &version["status"]),
        (&json!(1), &json!(true), &json!("built"))
    );
    assert_eq!(version["action"]["id"], json!(id));

    let change = json!({"code": code("console.log(2);"), "runtime": "node18"});
    let changed = api
        .call(ALL, &format!("PATCH {ACTIONS}/{id}"), change)
        .await
        .expect(200);
    assert_eq!(changed["all_changes_deployed"], false);
    assert_eq!(changed["runtime"], "node18");
    assert_eq!(
        changed["deployed_version"]["code"],
        json!(code("console.log(1);"))
    );
    let shown = api.get(ALL, &format!("{ACTIONS}/greet")).await.expect(200);
    assert_eq!(shown, changed, "an Action is found by its name too");

    let gone = api
        .call(ALL, &format!("DELETE {ACTIONS}/{id}"), Value::Null)
        .await;
    assert_eq!(gone.expect(204), json!(""));
    for line in ["GET", "DELETE", "PATCH"] {
        let body = if line == "PATCH" {
            json!({"name": "x"})
        } else {
            Value::Null
        };
        api.call(ALL, &format!("{line} {ACTIONS}/{id}"), body)
            .await
            .refused(404, "That action does not exist.", None);
    }
}

#[tokio::test]
async fn versions_are_listed_and_an_earlier_one_comes_back() {
    let api = Api::start().await;
    let id = deployed(&api, "a", "console.log('first');").await;
    let patch = json!({"code": code("console.log('second');")});
    api.call(ALL, &format!("PATCH {ACTIONS}/{id}"), patch)
        .await
        .expect(200);
    api.call(ALL, &format!("POST {ACTIONS}/{id}/deploy"), Value::Null)
        .await
        .expect(200);
    let versions = format!("{ACTIONS}/{id}/versions");
    let listed = api.get(ALL, &versions).await.expect(200);
    assert_eq!(
        (&listed["total"], &listed["per_page"]),
        (&json!(2), &json!(20))
    );
    let numbers = |listed: &Value| -> Vec<(u64, bool)> {
        let all = listed["versions"].as_array().unwrap().iter();
        all.map(|it| {
            (
                it["number"].as_u64().unwrap(),
                it["deployed"].as_bool().unwrap(),
            )
        })
        .collect()
    };
    assert_eq!(numbers(&listed), [(2, true), (1, false)]);
    let first = listed["versions"][1]["id"].as_str().unwrap().to_owned();

    let shown = api
        .get(ALL, &format!("{versions}/{first}"))
        .await
        .expect(200);
    assert_eq!(shown["code"], json!(code("console.log('first');")));
    let again = api
        .call(ALL, &format!("POST {versions}/{first}/deploy"), Value::Null)
        .await
        .expect(202);
    assert_eq!(
        (&again["number"], &again["deployed"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(again["code"], shown["code"]);
    assert_eq!(
        again["action"]["code"], shown["code"],
        "the draft is that code too"
    );
    let listed = api.get(ALL, &versions).await.expect(200);
    assert_eq!(numbers(&listed), [(3, true), (2, false), (1, false)]);
    let last = api
        .get(ALL, &format!("{versions}?page=1&per_page=2"))
        .await
        .expect(200);
    assert_eq!(numbers(&last), [(1, false)]);
    for missing in ["9", "x"] {
        let message = "That action version does not exist.";
        api.get(ALL, &format!("{versions}/{missing}"))
            .await
            .refused(404, message, None);
        api.call(
            ALL,
            &format!("POST {versions}/{missing}/deploy"),
            Value::Null,
        )
        .await
        .refused(404, message, None);
    }
}

#[tokio::test]
async fn lists_narrow_and_end() {
    let api = Api::start().await;
    for name in ["c", "a", "b"] {
        create(&api, new(name, "")).await;
    }
    deployed(&api, "d", "").await;
    let names = |listed: &Value| -> Vec<String> {
        let all = listed["actions"].as_array().unwrap().iter();
        all.map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut seen = Vec::new();
    for page in 0.. {
        let path = format!("{ACTIONS}?triggerId=post-login&page={page}&per_page=3");
        let listed = api.get(ALL, &path).await.expect(200);
        assert_eq!(
            (&listed["total"], &listed["page"]),
            (&json!(4), &json!(page))
        );
        if names(&listed).is_empty() {
            break;
        }
        seen.extend(names(&listed));
    }
    assert_eq!(seen, ["a", "b", "c", "d"]);
    for (query, wanted) in [
        ("actionName=b", &["b"][..]),
        ("deployed=true", &["d"]),
        ("deployed=false", &["a", "b", "c"]),
        ("installed=false", &["a", "b", "c", "d"]),
        ("installed=true", &[]),
        ("triggerId=pre-user-registration", &[]),
    ] {
        let listed = api
            .get(ALL, &format!("{ACTIONS}?{query}"))
            .await
            .expect(200);
        assert_eq!(names(&listed), wanted, "{query}");
    }
    assert_eq!(
        api.get(ALL, &format!("{ACTIONS}?deployed=yes"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn what_is_deployed_and_bound_runs_at_the_next_login() {
    let api = Api::start().await;
    let first = deployed(&api, "first", "api.access.deny('one');").await;
    assert_eq!(login(&api).await.refusal(), None, "it is not bound");
    bind(&api, json!([by_id(&first)])).await.expect(200);
    assert_eq!(login(&api).await.refusal(), Some("one"));

    let patch = json!({"code": code("api.access.deny('two');")});
    api.call(ALL, &format!("PATCH {ACTIONS}/{first}"), patch)
        .await
        .expect(200);
    assert_eq!(
        login(&api).await.refusal(),
        Some("one"),
        "a draft does not run"
    );
    api.call(ALL, &format!("POST {ACTIONS}/{first}/deploy"), Value::Null)
        .await
        .expect(200);
    assert_eq!(login(&api).await.refusal(), Some("two"));
    let back = format!("POST {ACTIONS}/{first}/versions/1/deploy");
    api.call(ALL, &back, Value::Null).await.expect(202);
    assert_eq!(login(&api).await.refusal(), Some("one"));

    let bound = api
        .call(ALL, &format!("DELETE {ACTIONS}/{first}"), Value::Null)
        .await;
    assert_eq!(bound.status, 409, "{}", bound.body);
    let forced = format!("DELETE {ACTIONS}/{first}?force=true");
    api.call(ALL, &forced, Value::Null).await.expect(204);
    assert_eq!(login(&api).await.refusal(), None);
    assert_eq!(
        api.get(ALL, BINDINGS).await.expect(200)["bindings"],
        json!([])
    );
}

#[tokio::test]
async fn bindings_keep_their_order_names_and_ids() {
    let api = Api::start().await;
    let (a, b) = (deployed(&api, "a", "").await, deployed(&api, "b", "").await);
    create(&api, new("draft", "")).await;
    let wanted = json!([
        {"ref": {"type": "action_name", "value": "b"}, "display_name": "Second letter"},
        by_id(&a),
    ]);
    let bound = bind(&api, wanted).await.expect(200);
    assert_eq!(
        api.get(ALL, BINDINGS).await.expect(200)["bindings"],
        bound["bindings"]
    );
    let told = |bound: &Value| -> Vec<(String, String)> {
        let all = bound["bindings"].as_array().unwrap().iter();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        all.map(|it| (text(&it["action"]["id"]), text(&it["display_name"])))
            .collect()
    };
    let (second, first) = ((b, "Second letter".to_owned()), (a.clone(), "a".to_owned()));
    assert_eq!(told(&bound), [second.clone(), first.clone()]);
    assert_eq!(bound["bindings"][0]["trigger_id"], "post-login");

    let kept: Vec<_> = [1, 0]
        .iter()
        .map(|at| json!({"ref": {"type": "binding_id", "value": bound["bindings"][at]["id"]}}))
        .collect();
    let turned = bind(&api, json!(kept)).await.expect(200);
    assert_eq!(told(&turned), [first, second]);
    assert_eq!(turned["bindings"][0], bound["bindings"][1]);

    for (bad, reason) in [
        (
            json!([{"ref": {"type": "action_name", "value": "draft"}}]),
            "was never deployed",
        ),
        (
            json!([by_id(&a), {"ref": {"type": "action_name", "value": "a"}}]),
            "is named twice",
        ),
        (
            json!([{"ref": {"type": "binding_id", "value": "x"}}]),
            "there is no binding",
        ),
        (
            json!([{"ref": {"type": "action", "value": "x"}}]),
            "No enum match",
        ),
        (
            json!([{"display_name": "x"}]),
            "Missing required property: ref",
        ),
        (
            json!([{"ref": {"type": "action_name", "value": "a"}, "display_name": ""}]),
            "1 to 255",
        ),
        (
            json!([{"ref": {"type": "action_name", "value": "a"},
                "secrets": [{"name": "a", "value": "b"}]}]),
            "Secrets belong to an action",
        ),
    ] {
        let answer = bind(&api, bad).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            answer.body["message"].as_str().unwrap().contains(reason),
            "{}",
            answer.body
        );
    }
    let answer = bind(&api, json!([by_id("x")])).await;
    answer.refused(404, "That action does not exist.", None);
    assert_eq!(
        api.get(ALL, BINDINGS).await.expect(200)["bindings"],
        turned["bindings"]
    );
    let other = "/actions/triggers/pre-user-registration/bindings";
    api.get(ALL, other)
        .await
        .refused(404, "That trigger does not exist.", None);
}

#[tokio::test]
async fn there_is_one_trigger() {
    let api = Api::start().await;
    let listed = api
        .get("read:actions", "/actions/triggers")
        .await
        .expect(200);
    assert_eq!(listed["triggers"].as_array().unwrap().len(), 1);
    let trigger = &listed["triggers"][0];
    assert_eq!(
        (&trigger["id"], &trigger["version"]),
        (&json!("post-login"), &json!("v3"))
    );
    assert_eq!(trigger["status"], "CURRENT");
    assert_eq!(trigger["default_runtime"], "node22");
}

#[tokio::test]
async fn a_trial_shows_what_the_draft_asks_for_and_does_nothing() {
    let api = Api::start().await;
    let made = create(
        &api,
        new(
            "a",
            "console.log(event.n); api.session.setMetadata('k', 'v');",
        ),
    )
    .await;
    let line = format!("POST {ACTIONS}/{}/test", id(&made));
    let event = json!({"payload": {"n": 7, "session": {"id": "s", "metadata": {}}}});
    let tried = api.call(ALL, &line, event).await.expect(200);
    assert_eq!(tried["payload"]["console"], "7");
    assert_eq!(tried["payload"]["commands"][0]["do"], "setMetadata");
    assert_eq!(tried["payload"]["error"], Value::Null);
    let failed = api
        .call(ALL, &line, json!({"payload": {}}))
        .await
        .expect(200);
    let message = failed["payload"]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("a session that does not exist"),
        "{message}"
    );
    for bad in [
        json!({}),
        json!({"payload": 1}),
        json!({"payload": {}, "x": 1}),
    ] {
        assert_eq!(api.call(ALL, &line, bad).await.status, 400);
    }
}

#[tokio::test]
async fn a_run_is_found_by_its_id() {
    let api = Api::start().await;
    let action = deployed(&api, "a", "console.log('here'); throw new Error('broken');").await;
    bind(&api, json!([by_id(&action)])).await.expect(200);
    let refused = login(&api).await;
    assert_eq!(refused.refusal(), Some("broken"));
    let mut read = api.issuer.store().read().await.unwrap();
    let user = read
        .find_user(&USER.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    drop(read);
    let login = PostLogin {
        client: api.client(CALLER).await.unwrap(),
        user,
        session: None,
        device: Device::default(),
        transaction: json!({}),
        refresh_token: None,
    };
    logout_issuer::login::actions::refuse(&api.issuer, login, refused)
        .await
        .unwrap();
    let told = api.events("actions_execution_failed").await.remove(0).event;
    let run = told["details"]["execution_id"].as_str().unwrap();
    let found = api
        .get(ALL, &format!("/actions/executions/{run}"))
        .await
        .expect(200);
    assert_eq!(
        (&found["id"], &found["trigger_id"]),
        (&json!(run), &json!("post-login"))
    );
    assert_eq!(
        (&found["status"], &found["console"]),
        (&json!("final"), &json!("here"))
    );
    assert_eq!(found["action_id"], json!(action));
    assert_eq!(found["results"][0]["action_name"], "a");
    assert_eq!(found["results"][0]["error"]["msg"], "broken");
    assert_eq!(found["version_id"], told["details"]["version_id"]);
    let versions = api
        .get(ALL, &format!("{ACTIONS}/{action}/versions"))
        .await
        .expect(200);
    assert_eq!(versions["versions"][0]["id"], found["version_id"]);
    let missing = api.get(ALL, "/actions/executions/x").await;
    missing.refused(404, "That execution does not exist.", None);
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let api = Api::start().await;
    let mut body = new("a", "console.log(`${event.secrets.A} ${event.secrets.B}`);");
    body["secrets"] = json!([
        {"name": "A", "value": "hush-a"},
        {"name": "B", "value": "hush-b"},
    ]);
    let made = create(&api, body).await;
    let id = id(&made);
    let path = format!("{ACTIONS}/{id}");
    let printed = async || {
        let line = format!("POST {path}/test");
        let tried = api
            .call(ALL, &line, json!({"payload": {}}))
            .await
            .expect(200);
        tried["payload"]["console"].as_str().unwrap().to_owned()
    };
    assert_eq!(printed().await, "hush-a hush-b");
    api.call(ALL, &format!("POST {path}/deploy"), Value::Null)
        .await
        .expect(200);
    bind(&api, json!([by_id(&id)])).await.expect(200);
    for shown in [
        made.clone(),
        api.get(ALL, &path).await.expect(200),
        api.get(ALL, ACTIONS).await.expect(200),
        api.get(ALL, &format!("{path}/versions")).await.expect(200),
        api.get(ALL, &format!("{path}/versions/1"))
            .await
            .expect(200),
        api.get(ALL, BINDINGS).await.expect(200),
    ] {
        assert!(!shown.to_string().contains("hush"), "{shown}");
    }
    let secrets = made["secrets"].as_array().unwrap();
    assert_eq!(secrets[0]["name"], "A");
    assert!(secrets[0]["updated_at"].is_string());

    // Without a value one keeps its own, and one that is not in the list goes.
    api.clock.advance(std::time::Duration::from_secs(5));
    let change = json!({"secrets": [
        {"name": "B", "updated_at": secrets[1]["updated_at"]},
        {"name": "C", "value": "hush-c"},
    ]});
    let changed = api
        .call(ALL, &format!("PATCH {path}"), change)
        .await
        .expect(200);
    assert_eq!(printed().await, "undefined hush-b");
    assert_eq!(
        changed["secrets"][0], secrets[1],
        "untouched, with its time"
    );
    assert_eq!(changed["secrets"][1]["name"], "C");
    assert_eq!(changed["secrets"].as_array().unwrap().len(), 2);
    api.call(ALL, &format!("PATCH {path}"), json!({"name": "b"}))
        .await
        .expect(200);
    assert_eq!(
        printed().await,
        "undefined hush-b",
        "a change of something else leaves them"
    );
    for (bad, reason) in [
        (json!([{"name": "D"}]), "has no value yet"),
        (
            json!([{"name": "B"}, {"name": "B", "value": "x"}]),
            "in the list already",
        ),
        (json!([{"value": "x"}]), "Missing required property: name"),
    ] {
        let answer = api
            .call(ALL, &format!("PATCH {path}"), json!({"secrets": bad}))
            .await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.body["message"].as_str().unwrap().contains(reason),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        printed().await,
        "undefined hush-b",
        "what is refused changes nothing"
    );
    api.call(ALL, &format!("PATCH {path}"), json!({"secrets": []}))
        .await
        .expect(200);
    assert_eq!(printed().await, "undefined undefined");
    for event in api.events("sapi").await {
        assert!(
            !event.event.to_string().contains("hush"),
            "{:?}",
            event.event
        );
    }
}

#[tokio::test]
async fn what_cannot_be_done_here_is_refused() {
    let api = Api::start().await;
    create(&api, new("taken", "")).await;
    let with = |name: &str, value: Value| {
        let mut body = new("a", "");
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = new("a", "");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, reason) in [
        (without("name"), "Missing required property: name"),
        (
            without("supported_triggers"),
            "Missing required property: supported_triggers",
        ),
        (
            with("supported_triggers", json!([])),
            "too short (0), minimum 1",
        ),
        (
            with(
                "supported_triggers",
                json!([{"id": "post-login"}, {"id": "x"}]),
            ),
            "maximum 1",
        ),
        (
            with("supported_triggers", json!([{"id": "send-phone-message"}])),
            "No enum match",
        ),
        (
            with(
                "supported_triggers",
                json!([{"id": "post-login", "version": "v2"}]),
            ),
            "No enum match for: v2",
        ),
        (
            with("dependencies", json!([{"name": "lodash", "version": "4"}])),
            "Nothing can be loaded",
        ),
        (
            with("modules", json!([{"module_id": "x"}])),
            "Nothing can be loaded",
        ),
        (with("runtime", json!("deno")), "No enum match"),
        (with("code", json!(1)), "Expected type string"),
        (with("deploy", json!("yes")), "Expected type boolean"),
        (
            with("colour", json!("red")),
            "Additional properties not allowed: colour",
        ),
    ] {
        let answer = api.call(ALL, "POST /actions/actions", body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            answer.body["message"].as_str().unwrap().contains(reason),
            "{}",
            answer.body
        );
    }
    let taken = api
        .call(ALL, "POST /actions/actions", new("taken", ""))
        .await;
    taken.refused(409, "An action with this name already exists.", None);
    let empty = api
        .call(ALL, "PATCH /actions/actions/taken", json!({}))
        .await;
    assert_eq!(empty.status, 400);
    let accepted = with("dependencies", json!([]));
    create(&api, accepted).await;
}

#[tokio::test]
async fn limits_hold_at_their_numbers_and_not_one_past_them() {
    let api = Api::start().await;
    let made = create(&api, new("a", "")).await;
    let line = format!("PATCH {ACTIONS}/{}", id(&made));
    let secret = |name: &str, value: &str| json!([{"name": name, "value": value}]);
    let many = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"name": format!("S{n}"), "value": "v"}))
            .collect()
    };
    let text = |length: usize| "x".repeat(length);
    for (property, good, bad) in [
        (
            "name",
            json!(text(MAX_NAME_CHARS)),
            json!(text(MAX_NAME_CHARS + 1)),
        ),
        (
            "code",
            json!(text(MAX_CODE_BYTES)),
            json!(text(MAX_CODE_BYTES + 1)),
        ),
        ("secrets", many(MAX_SECRETS), many(MAX_SECRETS + 1)),
        (
            "secrets",
            secret(&text(MAX_SECRET_NAME_CHARS), "v"),
            secret(&text(MAX_SECRET_NAME_CHARS + 1), "v"),
        ),
        (
            "secrets",
            secret("n", &text(MAX_SECRET_VALUE_CHARS)),
            secret("n", &text(MAX_SECRET_VALUE_CHARS + 1)),
        ),
    ] {
        api.call(ALL, &line, json!({property: good}))
            .await
            .expect(200);
        let answer = api.call(ALL, &line, json!({property: bad})).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        let message = answer.body["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("on property {property}")),
            "{message}"
        );
    }
    // A body that holds the longest code is taken, and one that is longer than any is not.
    let padded = |length: usize| {
        let empty = json!({"name": ""}).to_string().len();
        json!({"name": text(length - empty)})
    };
    let fits = api.call(ALL, &line, padded(MAX_ACTION_BODY_BYTES)).await;
    assert_eq!(fits.status, 400, "it was read");
    let large = api
        .call(ALL, &line, padded(MAX_ACTION_BODY_BYTES + 1))
        .await;
    assert_eq!(large.status, 413, "{}", large.body);
}

#[tokio::test]
async fn there_is_room_for_so_many_actions_versions_and_bindings() {
    let api = Api::start().await;
    let mut ids = Vec::new();
    for number in 0..MAX_ACTIONS {
        ids.push(deployed(&api, &number.to_string(), "").await);
    }
    let more = api
        .call(ALL, "POST /actions/actions", new("more", ""))
        .await;
    assert_eq!(more.status, 400, "{}", more.body);
    let wanted = |count: usize| {
        ids.iter()
            .take(count)
            .map(|id| by_id(id))
            .collect::<Value>()
    };
    let bound = bind(&api, wanted(MAX_BINDINGS)).await.expect(200);
    assert_eq!(bound["bindings"].as_array().unwrap().len(), MAX_BINDINGS);
    assert_eq!(bind(&api, wanted(MAX_BINDINGS + 1)).await.status, 400);
    let named = |length: usize| {
        let mut one = by_id(&ids[0]);
        one["display_name"] = json!("n".repeat(length));
        json!([one])
    };
    bind(&api, named(MAX_DISPLAY_NAME_CHARS)).await.expect(200);
    assert_eq!(
        bind(&api, named(MAX_DISPLAY_NAME_CHARS + 1)).await.status,
        400
    );
    for _ in 0..MAX_VERSIONS {
        api.call(ALL, &format!("POST {ACTIONS}/0/deploy"), Value::Null)
            .await
            .expect(200);
    }
    let listed = api
        .get(ALL, &format!("{ACTIONS}/0/versions?per_page=100"))
        .await
        .expect(200);
    assert_eq!(listed["total"], json!(MAX_VERSIONS));
    assert_eq!(listed["versions"][MAX_VERSIONS - 1]["number"], 2);
}

#[tokio::test]
async fn each_call_needs_its_scope_and_each_change_leaves_its_record() {
    let api = Api::start().await;
    let id = deployed(&api, "a", "").await;
    let bindings = json!({"bindings": [by_id(&id)]});
    let calls = [
        ("create:actions", format!("POST {ACTIONS}"), new("b", "")),
        (
            "update:actions",
            format!("PATCH {ACTIONS}/{id}"),
            json!({"name": "c"}),
        ),
        (
            "create:actions",
            format!("POST {ACTIONS}/{id}/deploy"),
            Value::Null,
        ),
        (
            "create:actions",
            format!("POST {ACTIONS}/{id}/test"),
            json!({"payload": {}}),
        ),
        (
            "create:actions",
            format!("POST {ACTIONS}/{id}/versions/1/deploy"),
            Value::Null,
        ),
        ("update:actions", format!("PATCH {BINDINGS}"), bindings),
        (
            "delete:actions",
            format!("DELETE {ACTIONS}/{id}?force=true"),
            Value::Null,
        ),
    ];
    for path in [
        ACTIONS.to_owned(),
        format!("{ACTIONS}/{id}"),
        format!("{ACTIONS}/{id}/versions"),
        format!("{ACTIONS}/{id}/versions/1"),
        "/actions/triggers".to_owned(),
        BINDINGS.to_owned(),
        "/actions/executions/x".to_owned(),
    ] {
        let answer = api
            .get("create:actions update:actions delete:actions", &path)
            .await;
        let message = "Insufficient scope, expected any of: read:actions";
        answer.refused(403, message, Some("insufficient_scope"));
    }
    let before = api.events("sapi").await.len();
    for (recorded, (scope, line, body)) in (before..).zip(calls) {
        let others: Vec<_> = ALL.split(' ').filter(|it| *it != scope).collect();
        let refused = api.call(&others.join(" "), &line, body.clone()).await;
        assert_eq!(refused.status, 403, "{line}");
        assert_eq!(api.events("sapi").await.len(), recorded, "{line}");
        let done = api.call(scope, &line, body).await;
        assert!(done.status.is_success(), "{line}: {}", done.body);
        let records = api.events("sapi").await;
        assert_eq!(records.len(), recorded + 1, "{line}");
        let (method, path) = line.split_once(' ').unwrap();
        let request = &records[0].event["details"]["request"];
        assert_eq!(request["method"], json!(method.to_lowercase()));
        let path = path.split('?').next().unwrap();
        assert_eq!(request["path"], json!(format!("/api/v2{path}")));
    }
}
