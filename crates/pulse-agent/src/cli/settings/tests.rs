use super::*;

fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = Environment::from(variables);
    match parse(
        arguments.iter().map(|text| (*text).to_owned()),
        &environment,
    )? {
        Command::Run(settings) | Command::SelfTest(settings) => Ok(*settings),
        Command::Help | Command::Version => Err("not a run".into()),
    }
}

#[test]
fn defaults() {
    let settings = settings(&[], &[("PULSE_TOKEN", " t ")]).expect("valid");
    assert_eq!(settings.url, "http://localhost:7655");
    assert_eq!(settings.token, Token::new("t"));
    assert_eq!(settings.interval, Duration::from_secs(10));
    assert_eq!(settings.health_address.as_deref(), Some("127.0.0.1:9191"));
    assert_eq!(settings.log_level, log::LevelFilter::Info);
    assert!(settings.notices.is_empty() && !settings.insecure);
    assert_eq!(format!("{:?}", settings.token), "[redacted]");
}

#[test]
fn a_flag_beats_the_variable() {
    let settings = settings(
        &[
            "--url",
            "https://pulse.lan/base/",
            "--interval=1m30s",
            "--insecure=false",
            "--log-level",
            "loud",
        ],
        &[
            ("PULSE_TOKEN", "t"),
            ("PULSE_URL", "http://other"),
            ("PULSE_INTERVAL", "5s"),
            ("PULSE_INSECURE_SKIP_VERIFY", "yes"),
            ("PULSE_HOSTNAME", " box "),
        ],
    )
    .expect("valid");
    assert_eq!(settings.url, "https://pulse.lan/base");
    assert_eq!(settings.interval, Duration::from_secs(90));
    assert!(!settings.insecure);
    assert_eq!(settings.hostname.as_deref(), Some("box"));
    assert_eq!(settings.log_level, log::LevelFilter::Info);
}

#[test]
fn lists_join_variable_then_flags_without_repeats() {
    let settings = settings(
        &["--tag", "c", "--tag", "a", "--disk-exclude=*pbs*"],
        &[
            ("PULSE_TOKEN", "t"),
            ("PULSE_TAGS", "a, b,,"),
            ("PULSE_DISK_EXCLUDE", "/mnt/x*"),
        ],
    )
    .expect("valid");
    assert_eq!(settings.tags, ["a", "b", "c"]);
    assert_eq!(settings.disk_exclude, ["/mnt/x*", "*pbs*"]);
}

#[test]
fn the_token_file_beats_the_variable_and_the_flag_beats_both() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("t");
    std::fs::write(&file, "from-file\n").expect("write");
    let file = file.to_str().expect("utf-8");
    let env = [("PULSE_TOKEN", "from-env")];
    let token = |arguments: &[&str]| settings(arguments, &env).expect("valid").token;
    assert_eq!(token(&["--token-file", file]), Token::new("from-file"));
    assert_eq!(token(&["--token-file", "/nowhere"]), Token::new("from-env"));
    assert_eq!(
        token(&["--token", "x", "--token-file", file]),
        Token::new("x")
    );

    std::fs::write(folder.path().join("token"), "from-state").expect("write");
    let state = [("PULSE_STATE_DIR", folder.path().to_str().expect("utf-8"))];
    assert_eq!(
        settings(&[], &state).expect("valid").token,
        Token::new("from-state")
    );
}

#[test]
fn a_token_in_the_arguments_is_remarked_on() {
    let settings = settings(&["--token", "secret"], &[]).expect("valid");
    assert!(settings.notices[0].contains("--token-file"));
    assert!(!settings.notices[0].contains("secret"));
}

#[test]
fn without_token_only_the_self_test_passes() {
    let nowhere = [("PULSE_STATE_DIR", "/nowhere")];
    assert!(
        settings(&[], &nowhere)
            .expect_err("no token")
            .contains("PULSE_TOKEN")
    );
    assert!(settings(&["--self-test"], &nowhere).is_ok());
}

#[test]
fn unusable_values_stop_the_start() {
    for (arguments, part) in [
        (vec!["--interval", "abc"], "--interval"),
        (vec!["--url", "pulse.lan"], "--url"),
        (vec!["--url", "ftp://x"], "--url"),
        (vec!["--insecure=maybe"], "--insecure"),
        (vec!["--enable-host=false"], "--enable-host"),
        (vec!["--token", "a b"], "token"),
    ] {
        let error = settings(&arguments, &[("PULSE_TOKEN", "t")]).expect_err("refused");
        assert!(error.contains(part), "{error}");
    }
    let lenient = settings(&[], &[("PULSE_TOKEN", "t"), ("PULSE_INTERVAL", "abc")]).expect("valid");
    assert_eq!(lenient.interval, DEFAULT_INTERVAL);
    let zero = settings(&["--interval", "0s"], &[("PULSE_TOKEN", "t")]).expect("valid");
    assert_eq!(zero.interval, DEFAULT_INTERVAL);
}

#[test]
fn flags_of_missing_modules_are_named() {
    let settings = settings(
        &[
            "--enable-docker",
            "--kubeconfig",
            "/x",
            "--disable-auto-update",
            "--enable-commands=false",
        ],
        &[
            ("PULSE_TOKEN", "t"),
            ("PULSE_ENABLE_KUBERNETES", "on"),
            ("PULSE_ENABLE_COMMANDS", "true"),
        ],
    )
    .expect("valid");
    assert_eq!(settings.notices.len(), 2, "{:?}", settings.notices);
    assert!(settings.notices[0].contains("--enable-docker"));
    assert!(settings.notices[1].contains("--enable-kubernetes"));
}

#[test]
fn an_empty_health_address_switches_it_off() {
    let off = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut all = vec![("PULSE_TOKEN", "t")];
        all.extend(variables);
        settings(arguments, &all).expect("valid").health_address
    };
    assert_eq!(off(&["--health-addr="], &[]), None);
    assert_eq!(off(&[], &[("PULSE_HEALTH_ADDR", " ")]), None);
    assert_eq!(
        off(&["--health-addr", ":9000"], &[]).as_deref(),
        Some(":9000")
    );
}
