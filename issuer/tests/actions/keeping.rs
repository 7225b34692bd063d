//! Writing, deploying, rolling back, binding and forgetting Actions.

use logout_issuer::domain::action::{
    MAX_ACTIONS, MAX_BINDINGS, MAX_CODE_BYTES, MAX_SECRETS, MAX_VERSIONS,
};
use logout_issuer::login::actions::keep::{
    ActionChange, KeepError, bind, create, delete, deploy, roll_back, try_out, update,
};
use logout_shared::Secret;
use std::time::Duration;

use crate::stage::{event, install, job, open, sign_in};

fn code(body: &str) -> ActionChange {
    ActionChange {
        code: Some(job(body).code),
        ..ActionChange::default()
    }
}

fn secret(name: &str, value: &str) -> ActionChange {
    ActionChange {
        set_secrets: vec![(name.to_owned(), Secret::new(value.to_owned()))],
        ..ActionChange::default()
    }
}

#[tokio::test]
async fn only_what_was_deployed_runs_and_a_rollback_brings_it_back() {
    let house = open().await;
    let action = install(&house, &["api.access.deny('one');"])
        .await
        .remove(0);
    let issuer = &house.issuer;
    update(issuer, &action.name, code("api.access.deny('two');"))
        .await
        .unwrap();
    for (told, next) in [("one", 0), ("two", 1), ("one", 2)] {
        match next {
            1 => drop(deploy(issuer, &action.id).await.unwrap()),
            2 => assert_eq!(
                roll_back(issuer, &action.id, 1).await.unwrap().deployed,
                Some(3)
            ),
            _ => {}
        }
        let answer = sign_in(&mut house.browser(), &house).await;
        assert_eq!(answer.parameter("error_description"), told);
    }
    let missing = roll_back(issuer, &action.id, 9).await.unwrap_err();
    assert!(matches!(missing, KeepError::NoVersion { number: 9, .. }));
}

#[tokio::test]
async fn names_are_unique_and_bound_actions_stay() {
    let house = open().await;
    let issuer = &house.issuer;
    let action = install(&house, &[""]).await.remove(0);
    let taken = create(issuer, &action.name, code("")).await.unwrap_err();
    assert!(matches!(taken, KeepError::NameTaken(_)));
    assert!(matches!(
        delete(issuer, &action.id).await,
        Err(KeepError::Bound(_))
    ));
    let draft = create(issuer, "Draft", code("")).await.unwrap();
    assert!(matches!(
        bind(issuer, vec![draft.id.clone()]).await,
        Err(KeepError::NotDeployed(_))
    ));
    let twice = vec![action.id.clone(), action.name.clone()];
    assert!(matches!(
        bind(issuer, twice).await,
        Err(KeepError::Twice(_))
    ));
    bind(issuer, Vec::new()).await.unwrap();
    delete(issuer, &action.id).await.unwrap();
    assert!(matches!(
        delete(issuer, &action.id).await,
        Err(KeepError::NotFound(_))
    ));
}

#[tokio::test]
async fn each_limit_holds_at_its_number() {
    let house = open().await;
    let issuer = &house.issuer;
    let long = |bytes| ActionChange {
        code: Some("x".repeat(bytes)),
        ..ActionChange::default()
    };
    let first = create(issuer, "0", long(MAX_CODE_BYTES)).await.unwrap();
    assert!(update(issuer, "0", long(MAX_CODE_BYTES + 1)).await.is_err());
    for number in 0..MAX_SECRETS {
        update(issuer, "0", secret(&format!("S{number}"), "v"))
            .await
            .unwrap();
    }
    assert!(update(issuer, "0", secret("more", "v")).await.is_err());
    update(issuer, "0", secret("S0", "another")).await.unwrap();
    for number in 0..=MAX_VERSIONS {
        assert_eq!(
            deploy(issuer, "0").await.unwrap().deployed.unwrap() as usize,
            number + 1
        );
    }
    let mut snapshot = issuer.store().read().await.unwrap();
    let versions = snapshot.list_action_versions(&first.id).await.unwrap();
    drop(snapshot);
    assert_eq!(versions.len(), MAX_VERSIONS);
    assert_eq!(versions.last().unwrap().number, 2);
    for number in 1..MAX_ACTIONS {
        create(issuer, &number.to_string(), ActionChange::default())
            .await
            .unwrap();
        if number <= MAX_BINDINGS {
            deploy(issuer, &number.to_string()).await.unwrap();
        }
    }
    assert!(
        create(issuer, "one more", ActionChange::default())
            .await
            .is_err()
    );
    let names = |count: usize| {
        (0..count)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        bind(issuer, names(MAX_BINDINGS)).await.unwrap().len(),
        MAX_BINDINGS
    );
    assert!(bind(issuer, names(MAX_BINDINGS + 1)).await.is_err());
}

#[tokio::test]
async fn secrets_reach_the_script_sealed_at_rest() {
    let house = open().await;
    let issuer = &house.issuer;
    let action = create(issuer, "A", code("console.log(event.secrets.KEY);"))
        .await
        .unwrap();
    let action = update(issuer, &action.id, secret("KEY", "hush"))
        .await
        .unwrap();
    assert!(!format!("{action:?}").contains("hush"));
    let run = try_out(issuer, "A", event()).await.unwrap();
    assert_eq!(run.console, "hush");
    deploy(issuer, "A").await.unwrap();
    bind(issuer, vec!["A".into()]).await.unwrap();
    sign_in(&mut house.browser(), &house)
        .await
        .parameter("code");
    let mut snapshot = issuer.store().read().await.unwrap();
    assert_eq!(
        snapshot.list_action_executions(None, 1).await.unwrap()[0].console,
        "hush"
    );
    drop(snapshot);
    let gone = ActionChange {
        remove_secrets: vec!["KEY".into()],
        ..ActionChange::default()
    };
    assert!(update(issuer, "A", gone).await.unwrap().secrets.is_empty());
}

#[tokio::test]
async fn runs_are_remembered_for_ten_days() {
    let house = open().await;
    install(&house, &["console.log('here');"]).await;
    sign_in(&mut house.browser(), &house)
        .await
        .parameter("code");
    house.clock.advance(Duration::from_hours(240));
    for (step, forgotten) in [(0, 0), (1, 1)] {
        house.clock.advance(Duration::from_millis(step));
        let deleted = house.issuer.delete_old_history().await.unwrap();
        assert_eq!(deleted.action_executions, forgotten, "{step} ms later");
    }
}
