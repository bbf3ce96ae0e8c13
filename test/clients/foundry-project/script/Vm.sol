// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What forge's scripts and tests can ask of forge; the part that is used here
interface Vm {
    /// @notice Calls and creations until {stopBroadcast} become transactions of this key's account.
    function startBroadcast(uint256 privateKey) external;

    /// @notice Calls and creations are only simulated again.
    function stopBroadcast() external;

    /// @notice Sets an account's wei.
    function deal(address account, uint256 balance) external;

    /// @notice The next call comes from `sender`.
    function prank(address sender) external;

    /// @notice The next call must revert with these bytes.
    function expectRevert(bytes calldata revertData) external;

    /// @notice A value of the environment.
    function envAddress(string calldata name) external view returns (address);
}

// Where forge answers.
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
