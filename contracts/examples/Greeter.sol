// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A greeting that anybody can read and its owner can change
contract Greeter {
    /// @notice The greeting is now this one.
    event GreetingChanged(string greeting);

    /// @notice Only the owner may do this.
    error NotOwner(address caller, address owner);
    /// @notice A greeting has at most `max` bytes.
    error GreetingTooLong(uint256 length, uint256 max);

    uint256 private constant LENGTH_MAX = 280;

    address private immutable _owner;
    string private _greeting;

    constructor(string memory greeting_) {
        _owner = msg.sender;
        _set(greeting_);
    }

    /// @notice The greeting.
    function greet() external view returns (string memory) {
        return _greeting;
    }

    /// @notice Who may change the greeting.
    function owner() external view returns (address) {
        return _owner;
    }

    /// @notice Changes the greeting. Only the owner may.
    function setGreeting(string calldata greeting_) external {
        if (msg.sender != _owner) revert NotOwner(msg.sender, _owner);
        _set(greeting_);
    }

    function _set(string memory greeting_) private {
        uint256 length = bytes(greeting_).length;
        if (length > LENGTH_MAX) revert GreetingTooLong(length, LENGTH_MAX);
        _greeting = greeting_;
        emit GreetingChanged(greeting_);
    }
}
