use super::checkout::Checkout;

/// scripts/bicep, which continuous integration runs where the compiler is.
#[test]
fn templates_and_the_parameters_of_every_environment_are_compiled() {
    let checkout = Checkout::new();
    checkout.write("infra/main.bicep", "");
    checkout.run("bicep", &[], &[]).succeeds();
    let commands = checkout.commands("az");
    for parameters in ["dev", "main", "prod", "test"] {
        let command = format!("bicep build-params --file {parameters}.bicepparam --stdout");
        assert!(commands.contains(&command), "{commands:?}");
    }
    for command in ["bicep build", "bicep lint", "bicep build-params"] {
        let run = checkout.run("bicep", &[], &[("AZ_FAIL", command)]);
        run.fails(1, &format!("Azure rejects {command}"));
    }
}
