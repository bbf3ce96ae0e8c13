// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Keeps coins for their owners, and can fail in every way that clients must tell apart
/// @dev For tests of clients only: a contract for use has custom errors throughout.
contract Vault {
    /// @notice `by` left `amount` wei here.
    event Deposited(address indexed by, uint256 amount, string note);
    /// @notice `by` sent `amount` wei to `to`.
    event Withdrawn(address indexed by, address indexed to, uint256 amount);

    /// @notice Less is here than was asked for.
    error BalanceTooLow(address owner, uint256 balance, uint256 wanted);

    /// @notice Wei by owner: slot 0.
    mapping(address => uint256) public balanceOf;
    /// @notice All of it: slot 1.
    uint256 public total;

    /// @notice When the vault was made, in seconds.
    uint256 public immutable createdAt = block.timestamp;

    /// @notice Coins sent without a word are a deposit.
    receive() external payable {
        deposit("");
    }

    /// @notice Leaves coins here.
    function deposit(string memory note) public payable {
        require(msg.value > 0, "Vault: nothing sent");
        balanceOf[msg.sender] += msg.value;
        total += msg.value;
        emit Deposited(msg.sender, msg.value, note);
    }

    /// @notice Takes coins out again.
    function withdraw(address payable to, uint256 amount) external {
        uint256 balance = balanceOf[msg.sender];
        if (amount > balance) revert BalanceTooLow(msg.sender, balance, amount);
        balanceOf[msg.sender] = balance - amount;
        total -= amount;
        emit Withdrawn(msg.sender, to, amount);
        (bool sent, ) = to.call{value: amount}("");
        require(sent);
    }

    /// @notice The total in `parts` parts: panics for none.
    function share(uint256 parts) external view returns (uint256) {
        return total / parts;
    }

    /// @notice Fails without a word.
    function refuse() external pure {
        revert();
    }

    /// @notice Uses all the gas there is.
    function burn() external pure {
        assembly {
            invalid()
        }
    }
}
