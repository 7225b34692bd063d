//! Client grants: another view of what a client may do in this API.

use logout_issuer::domain::client::Client;
use serde_json::{Value, json};

use crate::api::{Api, CALLER, START};

const ALL: &str =
    "read:client_grants create:client_grants update:client_grants delete:client_grants";
const GRANTS: &str = "/client-grants";
const AUDIENCE: &str = "https://id.example/api/v2/";

async fn put(api: &Api, id: &str) {
    api.put_client(Client::new(id.parse().unwrap(), id, START))
        .await;
}

async fn grant(api: &Api, client: &str, scope: Value) -> crate::api::Answer {
    let body = json!({"client_id": client, "audience": AUDIENCE, "scope": scope});
    api.call(ALL, &format!("POST {GRANTS}"), body).await
}

async fn scopes(api: &Api, client: &str) -> Vec<String> {
    api.client(client).await.unwrap().management_scopes
}

#[tokio::test]
async fn a_grant_is_what_the_client_is_registered_with() {
    let api = Api::start().await;
    put(&api, "shop").await;
    let made = grant(&api, "shop", json!(["read:logs", "read:users"]))
        .await
        .expect(201);
    assert_eq!(
        made,
        json!({
            "id": "cgr_shop", "client_id": "shop", "audience": AUDIENCE,
            "scope": ["read:logs", "read:users"], "subject_type": "client",
        })
    );
    assert_eq!(scopes(&api, "shop").await, ["read:logs", "read:users"]);
    let path = format!("{GRANTS}/cgr_shop");
    assert_eq!(api.get(ALL, &path).await.expect(200), made);

    let change = json!({"scope": ["read:clients"]});
    let changed = api
        .call(ALL, &format!("PATCH {path}"), change)
        .await
        .expect(200);
    assert_eq!(
        (&changed["id"], &changed["scope"]),
        (&made["id"], &json!(["read:clients"]))
    );
    assert_eq!(scopes(&api, "shop").await, ["read:clients"]);

    let delete = format!("DELETE {path}");
    api.call(ALL, &delete, Value::Null).await.expect(204);
    assert!(scopes(&api, "shop").await.is_empty());
    let code = Some("inexistent_client_grant");
    let message = "The client grant does not exist.";
    api.get(ALL, &path).await.refused(404, message, code);
    let change = json!({"scope": ["read:clients"]});
    let gone = api.call(ALL, &format!("PATCH {path}"), change).await;
    gone.refused(404, message, code);
    api.call(ALL, &delete, Value::Null).await.expect(204);
    for id in ["x", "cgr_", "cgr_nobody"] {
        api.get(ALL, &format!("{GRANTS}/{id}"))
            .await
            .refused(404, message, code);
    }
}

#[tokio::test]
async fn a_scope_that_is_taken_away_counts_at_once() {
    let api = Api::start().await;
    let path = format!("PATCH {GRANTS}/cgr_{CALLER}");
    assert_eq!(api.get("read:clients", "/clients").await.status, 200);
    let change = json!({"scope": ["read:logs", "update:client_grants"]});
    api.call(ALL, &path, change).await.expect(200);
    assert_eq!(api.get("read:clients", "/clients").await.status, 403);
    let all = api
        .call(ALL, &path, json!({"allow_all_scopes": true}))
        .await
        .expect(200);
    let count = logout_issuer::domain::management_scope::ALL.len();
    assert_eq!(all["scope"].as_array().unwrap().len(), count);
    assert_eq!(api.get("read:clients", "/clients").await.status, 200);
}

#[tokio::test]
async fn what_makes_no_grant_is_refused() {
    let api = Api::start().await;
    put(&api, "shop").await;
    let body = |change: &[(&str, Value)]| {
        let mut body = json!({"client_id": "shop", "audience": AUDIENCE, "scope": ["read:logs"]});
        for (name, value) in change {
            body[*name] = value.clone();
        }
        body
    };
    for (bad, status, reason) in [
        (
            body(&[("client_id", json!("nobody"))]),
            404,
            "The client does not exist",
        ),
        (
            body(&[("audience", json!("https://api.example/"))]),
            404,
            "Service not found",
        ),
        (
            body(&[("scope", json!(["read:everything"]))]),
            400,
            "unknown scope",
        ),
        (
            body(&[("scope", json!([]))]),
            400,
            "delete the grant instead",
        ),
        (
            body(&[("scope", Value::Null)]),
            400,
            "Missing required property: scope",
        ),
        (
            body(&[("allow_any_organization", json!(true))]),
            400,
            "no organizations",
        ),
        (
            body(&[("organization_usage", json!("require"))]),
            400,
            "No enum match",
        ),
        (
            body(&[("subject_type", json!("user"))]),
            400,
            "No enum match",
        ),
        (
            body(&[("colour", json!("red"))]),
            400,
            "Additional properties not allowed",
        ),
        (
            json!({"audience": AUDIENCE, "scope": []}),
            400,
            "Missing required property: client_id",
        ),
    ] {
        let answer = api.call(ALL, &format!("POST {GRANTS}"), bad).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert!(
            answer.body["message"].as_str().unwrap().contains(reason),
            "{}",
            answer.body
        );
    }
    assert!(scopes(&api, "shop").await.is_empty());
    let harmless = body(&[
        ("allow_any_organization", json!(false)),
        ("organization_usage", json!("deny")),
        ("subject_type", json!("client")),
    ]);
    api.call(ALL, &format!("POST {GRANTS}"), harmless)
        .await
        .expect(201);
    let again = grant(&api, "shop", json!(["read:users"])).await;
    again.refused(409, "The client has a grant for this API already", None);
    assert_eq!(scopes(&api, "shop").await, ["read:logs"]);
    let identity = json!({"client_id": "shop", "scope": ["read:users"]});
    let changed = api
        .call(ALL, &format!("PATCH {GRANTS}/cgr_shop"), identity)
        .await;
    assert_eq!(changed.status, 400);
}

#[tokio::test]
async fn lists_have_three_forms_and_end() {
    let api = Api::start().await;
    for id in ["a", "b", "c", "without"] {
        put(&api, id).await;
        if id != "without" {
            grant(&api, id, json!(["read:logs"])).await.expect(201);
        }
    }
    let clients = |listed: &Value| -> Vec<String> {
        let all = listed.as_array().unwrap().iter();
        all.map(|it| it["client_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let every = ["a", "b", "c", CALLER];
    let bare = api.get(ALL, GRANTS).await.expect(200);
    assert_eq!(clients(&bare), every);
    let path = format!("{GRANTS}?per_page=3&page=1&include_totals=true");
    let totals = api.get(ALL, &path).await.expect(200);
    assert_eq!((&totals["total"], &totals["start"]), (&json!(4), &json!(3)));
    assert_eq!(clients(&totals["client_grants"]), [CALLER]);
    assert_eq!(
        api.get(ALL, &format!("{GRANTS}?page=4")).await.expect(200),
        json!([])
    );

    let mut seen = Vec::new();
    let mut path = format!("{GRANTS}?take=3");
    loop {
        let page = api.get(ALL, &path).await.expect(200);
        seen.extend(clients(&page["client_grants"]));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{GRANTS}?take=3&from={next}");
    }
    assert_eq!(seen, every);

    for (query, wanted) in [
        ("client_id=b".to_owned(), &["b"][..]),
        ("client_id=without".to_owned(), &[]),
        (format!("audience={AUDIENCE}"), &every[..]),
        ("audience=https://api.example/".to_owned(), &[]),
        ("subject_type=user".to_owned(), &[]),
        ("allow_any_organization=true".to_owned(), &[]),
    ] {
        let listed = api.get(ALL, &format!("{GRANTS}?{query}")).await.expect(200);
        assert_eq!(clients(&listed), wanted, "{query}");
    }
    let fields = api
        .get(ALL, &format!("{GRANTS}?client_id=b&fields=id"))
        .await
        .expect(200);
    assert_eq!(fields, json!([{"id": "cgr_b"}]));
}

#[tokio::test]
async fn grants_need_their_scopes_and_leave_records() {
    let api = Api::start().await;
    put(&api, "shop").await;
    let body = json!({"client_id": "shop", "audience": AUDIENCE, "scope": ["read:logs"]});
    let calls = [
        ("create:client_grants", format!("POST {GRANTS}"), body),
        (
            "update:client_grants",
            format!("PATCH {GRANTS}/cgr_shop"),
            json!({"scope": ["read:users"]}),
        ),
        (
            "delete:client_grants",
            format!("DELETE {GRANTS}/cgr_shop"),
            Value::Null,
        ),
    ];
    for path in [GRANTS.to_owned(), format!("{GRANTS}/cgr_{CALLER}")] {
        assert_eq!(api.get("read:clients", &path).await.status, 403);
    }
    for (recorded, (scope, line, body)) in calls.into_iter().enumerate() {
        let others: Vec<_> = ALL.split(' ').filter(|it| *it != scope).collect();
        let refused = api.call(&others.join(" "), &line, body.clone()).await;
        assert_eq!(refused.status, 403, "{line}");
        assert_eq!(api.events("sapi").await.len(), recorded);
        assert!(api.call(scope, &line, body).await.status.is_success());
        assert_eq!(api.events("sapi").await.len(), recorded + 1);
    }
}
