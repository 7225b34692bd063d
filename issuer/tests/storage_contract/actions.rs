//! Actions, their versions and bindings, and remembered runs.

use std::time::Duration;

use logout_issuer::domain::action::{
    Action, ActionBinding, ActionExecution, ActionSecret, ActionVersion,
};
use logout_issuer::domain::action_run::{ActionError, ActionErrorKind};
use logout_issuer::storage::Store;

use crate::samples::{at, id};
use crate::{commit, each_store};

fn action(name: &str) -> Action {
    Action {
        id: format!("id of {name}"),
        name: name.into(),
        code: "the draft".into(),
        runtime: Some("node22".into()),
        secrets: vec![ActionSecret {
            name: "KEY".into(),
            sealed: "sealed".into(),
            updated_at: at(1),
        }],
        deployed: Some(2),
        created_at: at(0),
        updated_at: at(2),
    }
}

fn binding(name: &str) -> ActionBinding {
    ActionBinding {
        action: format!("id of {name}"),
        display_name: format!("{name} at each login"),
        bound_at: at(3),
    }
}

fn version(action: &Action, number: u32) -> ActionVersion {
    ActionVersion {
        action: action.id.clone(),
        number,
        code: format!("code {number}"),
        created_at: at(number.into()),
    }
}

fn execution(name: &str, secs: i64) -> ActionExecution {
    ActionExecution {
        id: name.into(),
        action: "an action that is gone".into(),
        name: "Gone".into(),
        version: 3,
        started_at: at(secs),
        duration: Duration::from_micros(1_234),
        error: Some(ActionError::new(ActionErrorKind::Timeout, "too long")),
        console: "printed".into(),
        user: id("u1"),
        client: id("shop"),
        session: Some(id("s1")),
    }
}

each_store! {
    async fn an_action_is_found_by_id_and_by_name_and_changes_in_place(store: &dyn Store) {
        let stored = action("a");
        let (first, mut second) = (stored.clone(), stored.clone());
        assert!(commit!(store, |tx| tx.save_action(&first).await).unwrap());
        second.code = "another draft".into();
        let changed = second.clone();
        assert!(commit!(store, |tx| tx.save_action(&second).await).unwrap());
        let mut view = store.read().await.unwrap();
        for which in ["a", "id of a"] {
            assert_eq!(view.find_action(which).await.unwrap().as_ref(), Some(&changed));
        }
        assert_eq!(view.find_action("b").await.unwrap(), None);
        assert_eq!(view.list_actions().await.unwrap(), [changed]);
        let taken = Action { id: "another".into(), ..action("a") };
        assert!(!commit!(store, |tx| tx.save_action(&taken).await).unwrap());
    }

    async fn bound_actions_run_in_their_order_with_the_deployed_code(store: &dyn Store) {
        let bound = commit!(store, |tx| {
            for name in ["a", "b", "never-deployed"] {
                let mut one = action(name);
                if name == "never-deployed" {
                    one.deployed = None;
                }
                tx.save_action(&one).await?;
                for number in [1, 2] {
                    tx.insert_action_version(&version(&one, number), 2).await?;
                }
            }
            tx.bind_actions(&["b", "never-deployed", "a"].map(binding)).await?;
            let listed = tx.list_action_bindings().await?;
            assert_eq!(listed, ["b", "never-deployed", "a"].map(binding));
            tx.bound_actions().await
        })
        .unwrap();
        let names: Vec<_> = bound.iter().map(|one| (one.name.as_str(), one.code.as_str())).collect();
        assert_eq!(names, [("b", "code 2"), ("a", "code 2")]);
        assert!(commit!(store, |tx| tx.delete_action("id of a").await).is_err(), "it is bound");
        let left = commit!(store, |tx| {
            tx.bind_actions(&[binding("b")]).await?;
            assert!(tx.delete_action("id of a").await?);
            tx.action_bindings().await
        });
        assert_eq!(left.unwrap(), ["id of b"]);
    }

    async fn the_oldest_versions_are_forgotten(store: &dyn Store) {
        let kept = commit!(store, |tx| {
            let one = action("a");
            tx.save_action(&one).await?;
            for number in 1..=5 {
                tx.insert_action_version(&version(&one, number), 2).await?;
            }
            assert_eq!(tx.find_action_version(&one.id, 5).await?, Some(version(&one, 5)));
            assert_eq!(tx.find_action_version(&one.id, 3).await?, None);
            tx.list_action_versions(&one.id).await
        });
        let numbers: Vec<u32> = kept.unwrap().iter().map(|one| one.number).collect();
        assert_eq!(numbers, [5, 4]);
    }

    async fn runs_are_listed_newest_first_and_forgotten_by_age(store: &dyn Store) {
        commit!(store, |tx| {
            let runs = [execution("1", 1), execution("2", 2), execution("3", 3)];
            tx.insert_action_executions(&runs).await
        })
        .unwrap();
        let mut view = store.read().await.unwrap();
        let listed = view.list_action_executions(None, 2).await.unwrap();
        assert_eq!(listed, [execution("3", 3), execution("2", 2)]);
        assert!(view.list_action_executions(Some("x"), 2).await.unwrap().is_empty());
        assert_eq!(view.find_action_execution("2").await.unwrap(), Some(execution("2", 2)));
        assert_eq!(view.find_action_execution("4").await.unwrap(), None);
        drop(view);
        assert_eq!(commit!(store, |tx| tx.delete_action_executions(at(3), 1).await).unwrap(), 1);
        assert_eq!(commit!(store, |tx| tx.delete_action_executions(at(3), 9).await).unwrap(), 1);
        let mut view = store.read().await.unwrap();
        assert_eq!(view.list_action_executions(None, 9).await.unwrap(), [execution("3", 3)]);
    }
}
