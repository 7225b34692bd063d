//! Making, reading, changing and deleting users.

use logout_issuer::login::password::check_password;
use logout_shared::Secret;
use serde_json::{Value, json};

use crate::api::{Answer, Api, CALLER, START, USER};

const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ALL: &str = "create:users read:users update:users delete:users";

pub(crate) async fn make(api: &Api, more: Value) -> Answer {
    let mut body = json!({
        "connection": "Username-Password-Authentication",
        "email": "Ada@example.com",
        "password": PASSWORD,
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body.as_object_mut()
        .unwrap()
        .retain(|_, value| value != "(none)");
    api.call(ALL, "POST /users", body).await
}

pub(crate) async fn change(api: &Api, body: Value) -> Answer {
    api.call(ALL, "PATCH /users/auth0%7C1", body).await
}

async fn has_password(api: &Api, id: &str, password: &str) -> bool {
    let mut read = api.issuer.store().read().await.unwrap();
    let found = read.find_password(&id.parse().unwrap()).await.unwrap();
    let password = Secret::new(password.to_owned());
    check_password(&password, found.as_ref().map(|found| found.phc.as_str())).await
}

#[tokio::test]
async fn a_user_is_made_read_changed_and_deleted() {
    let api = Api::start().await;
    let made = make(
        &api,
        json!({
            "user_id": "1", "name": "Ada", "email_verified": true, "phone_number": "+49301234567",
            "phone_verified": true, "picture": "https://example.com/ada.png",
            "user_metadata": {"colour": "red"}, "app_metadata": {"plan": "gold"},
        }),
    )
    .await
    .expect(201);
    let now = START.to_rfc3339();
    let wanted = json!({
        "user_id": "auth0|1", "email": "Ada@example.com", "email_verified": true,
        "name": "Ada", "phone_number": "+49301234567", "phone_verified": true,
        "picture": "https://example.com/ada.png", "blocked": false, "admin": false,
        "created_at": now, "updated_at": now, "logins_count": 0,
        "identities": [{
            "connection": "Username-Password-Authentication", "user_id": "1",
            "provider": "auth0", "isSocial": false,
        }],
        "user_metadata": {"colour": "red"}, "app_metadata": {"plan": "gold"},
    });
    assert_eq!(made, wanted);
    assert_eq!(api.get(ALL, "/users/auth0%7C1").await.expect(200), wanted);
    assert!(has_password(&api, "auth0|1", PASSWORD).await);

    api.clock.advance(std::time::Duration::from_secs(1));
    let changed = change(
        &api,
        json!({
            "name": null, "nickname": "ad", "blocked": true, "password": "another one",
            "user_metadata": {"size": 38}, "app_metadata": {"plan": null},
        }),
    )
    .await
    .expect(200);
    assert!(changed.get("name").is_none());
    assert_eq!(
        (&changed["nickname"], &changed["blocked"]),
        (&json!("ad"), &json!(true))
    );
    let metadata = json!([{"colour": "red", "size": 38}, {}]);
    assert_eq!(
        json!([changed["user_metadata"], changed["app_metadata"]]),
        metadata
    );
    assert_eq!(changed["updated_at"], api.issuer.now().to_rfc3339());
    assert!(has_password(&api, "auth0|1", "another one").await);
    assert!(!has_password(&api, "auth0|1", PASSWORD).await);

    for _ in 0..2 {
        let line = "DELETE /users/auth0%7C1";
        assert_eq!(api.call(ALL, line, Value::Null).await.expect(204), "");
    }
    api.get(ALL, "/users/auth0%7C1").await.refused(
        404,
        "The user does not exist.",
        Some("inexistent_user"),
    );
}

#[tokio::test]
async fn an_id_that_nobody_chose_is_made_up() {
    let api = Api::start().await;
    let made = make(&api, json!({})).await.expect(201);
    let id = made["user_id"].as_str().unwrap();
    assert!(
        id.strip_prefix("auth0|").is_some_and(|id| id.len() > 20),
        "{id}"
    );
    assert_eq!(made["identities"][0]["user_id"], id["auth0|".len()..]);
}

#[tokio::test]
async fn an_address_and_an_id_are_given_once() {
    let api = Api::start().await;
    make(&api, json!({"user_id": "1"})).await.expect(201);
    let other = json!({"user_id": "2", "email": "bob@example.com"});
    make(&api, other).await.expect(201);
    for taken in [
        json!({"email": "aDA@example.com"}),
        json!({"user_id": "1", "email": "x@y"}),
    ] {
        make(&api, taken)
            .await
            .refused(409, "The user already exists.", None);
    }
    let taken = change(&api, json!({"email": "BOB@example.com", "name": "Bob"})).await;
    taken.refused(409, "The specified new email already exists", None);
    let ada = api.get(ALL, "/users/auth0%7C1").await.expect(200);
    assert_eq!(
        (ada.get("name"), &ada["email"]),
        (None, &json!("Ada@example.com"))
    );
    assert_eq!(api.events("fce").await.len(), 1);
}

#[tokio::test]
async fn each_call_has_its_scope() {
    let api = Api::start().await;
    let body = json!({"name": "x"});
    for (scope, line) in [
        ("create:users", "POST /users"),
        ("read:users", "GET /users"),
        ("read:users", "GET /users/auth0%7Cada"),
        ("read:users", "GET /users-by-email?email=x"),
        ("update:users", "PATCH /users/auth0%7Cada"),
        ("delete:users", "DELETE /users/auth0%7Cada"),
    ] {
        let others: Vec<_> = ALL.split(' ').filter(|other| *other != scope).collect();
        let told = api.call(&others.join(" "), line, body.clone()).await;
        let wanted = format!("Insufficient scope, expected any of: {scope}");
        told.refused(403, &wanted, Some("insufficient_scope"));
    }
}

#[tokio::test]
async fn each_change_leaves_its_records_and_no_secret() {
    let api = Api::start().await;
    make(&api, json!({"user_id": "1"})).await.expect(201);
    change(&api, json!({"password": "another one", "name": "Ada"}))
        .await
        .expect(200);
    change(&api, json!({"email": "a@example.net"}))
        .await
        .expect(200);
    api.call(ALL, "DELETE /users/auth0%7C1", Value::Null)
        .await
        .expect(204);
    let calls = api.events("sapi").await;
    let told: Vec<_> = calls
        .iter()
        .rev()
        .map(|call| {
            let details = &call.event["details"];
            json!([
                call.event["description"],
                call.event["user"],
                details["response"]["statusCode"],
                details["request"]["properties"],
            ])
        })
        .collect();
    let wanted = [
        json!([
            "Create a user",
            "auth0|1",
            201,
            ["connection", "email", "password", "user_id"]
        ]),
        json!(["Update a user", "auth0|1", 200, ["password", "name"]]),
        json!(["Update a user", "auth0|1", 200, ["email"]]),
        json!(["Delete a user", "auth0|1", 204, null]),
    ];
    assert_eq!(told, wanted);
    for code in ["ss", "scp", "sce", "sdu"] {
        let events = api.events(code).await;
        assert_eq!(events.len(), 1, "{code}");
        assert_eq!(events[0].event["client"], CALLER, "{code}");
        assert_eq!(events[0].event["user"], "auth0|1", "{code}");
    }
    let mut read = api.issuer.store().read().await.unwrap();
    let all = read.list_events(None, 0, 100).await.unwrap();
    assert!(!format!("{all:?}").contains(PASSWORD) && !format!("{all:?}").contains("another one"));
}

#[tokio::test]
async fn fields_are_chosen() {
    let api = Api::start().await;
    let one = api
        .get(ALL, "/users/auth0%7Cada?fields=user_id,email")
        .await
        .expect(200);
    assert_eq!(
        one,
        json!({"user_id": USER, "email": "auth0.ada@example.com"})
    );
    let path = "/users-by-email?email=AUTH0.ada@example.com&fields=user_id";
    assert_eq!(
        api.get(ALL, path).await.expect(200),
        json!([{"user_id": USER}])
    );
    let none = api.get(ALL, "/users-by-email?email=x@y").await.expect(200);
    assert_eq!(none, json!([]));
    api.get(ALL, "/users-by-email").await.expect(400);
}
